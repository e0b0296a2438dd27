# SPDX-License-Identifier: GPL-2.0
#
# `make help` lists the targets. Everything that is made lies in build/.

MAKEFLAGS += --no-print-directory
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-8s %s\n' '$(1)' '$(2)')

BUILD := $(abspath build)
ifeq ($(value PREFIX),)
PREFIX = /usr/local
endif
CC = gcc
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes
# The one version: of the program, the module, the packages.
VERSION := $(shell cat VERSION)

.PHONY: help deps build module launcher demo demo-disk check check-slow check-kernels check-bare
.PHONY: mutants fuzz coverage clean install uninstall deb bench bench-check bench-profile
.PHONY: selftests soaks journey book recording lab check-labs classroom
.DEFAULT_GOAL := build

help:
	@echo 'make deps       install what is missing, by apt (DEPS=no: only say)'
	@echo 'make build      the module and the launcher, for the running kernel (the'
	@echo '                default); FOR=sandbox: for the kernel of the tests'
	@echo 'make module     build/module/ringlet.ko  (KDIR=: other kernel headers)'
	@echo 'make launcher   build/ringlet'
	@echo "make demo       a guest in the sandbox: a shell, or CMD='...'"
	@echo '                GUEST_ADD=DIR appears at /add, STATS=FILE is written,'
	@echo '                CPUS=4: as many processors,'
	@echo '                GUEST=i386: with a 32-bit kernel (or 6.12, 7.3, ...)'
	@echo 'make demo-disk  the same with a Debian on a disk, and a network'
	@echo 'make check      build, lints, every test; ends with the count'
	@echo '                TESTS="name..." only these, TAGS=quick only those'
	@echo 'make check-slow what takes longer: whole Debians, packages in them, one more host'
	@echo 'make check-kernels  each kernel of a host with each of a guest: 6.1, 6.12, 7.3'
	@echo 'make check-bare  make demo and make check in a bare Debian 13 (SUITE=bookworm: 12)'
	@echo 'make mutants    takes the cure of each promise away: which test notices?'
	@echo '                MUTANTS="name..." only these, BOCHS=yes all of them'
	@echo 'make lab        exercises: N=03 begins one, or looks at what you did;'
	@echo '                HINT=1 shows a hint, RESET=yes begins anew'
	@echo 'make classroom  a machine with all of that, for any laptop with QEMU'
	@echo 'make check-labs  does each lab fail at its start and pass when solved?'
	@echo 'make fuzz       every fuzzer of tests/fuzz, SECONDS=60 each'
	@echo 'make soaks      what the host does to guest memory, SECONDS=600 each'
	@echo 'make coverage   what fuzzers and unit tests reach, by file'
	@echo 'make bench      measurements in the sandbox (GUEST=i386: of a 32-bit kernel)'
	@echo 'make bench-check   is an operation dearer than its stored figure?'
	@echo 'make bench-profile where its instructions go: ONLY=word of a name'
	@echo "make selftests  the kernel's x86 selftests (32-bit, too), natively and in"
	@echo '                guests'
	@echo 'make journey    the book in the sources: build/journey.md'
	@echo 'make book       the whole book: build/book/index.html, ringlet.epub'
	@echo 'make recording  a session in the sandbox: Documentation/session.txt'
	@echo 'make install    into PREFIX (/usr/local), the module for the running kernel;'
	@echo '                DESTDIR=: below another folder. make uninstall undoes it'
	@echo 'make deb        Debian packages in build/deb/'
	@echo 'make clean      remove build/'
	@echo 'V=1 shows the commands.'

deps:
	$(Q)tools/deps

build: module launcher

# --- the launcher ---

include build.mk

# --- the module ---
# Kbuild writes next to the sources. It is given a tree of links instead, so
# that the real one stays clean.

# The running kernel's headers, or FOR=sandbox those of the one that tests boot
# (another one with RINGLET_HOST_KERNEL=6.12), which may have to be fetched: so it
# is asked for only when needed. A kernel of another Debian than this machine's
# has a folder of its own, and brings its compiler.
sandbox = $(if $(filter sandbox,$(FOR)),$\
	$(shell tests/sandbox/kernels $(1) $(RINGLET_HOST_KERNEL)))
KDIR = $(or $(call sandbox,headers),/lib/modules/$(shell uname -r)/build)
MODULE_BUILD = $(or $(if $(RINGLET_HOST_KERNEL),$(call sandbox,module)),$\
	$(BUILD)/module)
TREE = $(MODULE_BUILD)/tree
KTOOLS = $(call sandbox,tools)

module:
	$(call say,KBUILD,$(MODULE_BUILD:$(BUILD)/%=%)/ringlet.ko)
	$(Q)[ -f '$(KDIR)/Makefile' ] || { echo 'make: no kernel headers in $(KDIR):' \
		"apt install linux-headers-$$(uname -r), or make KDIR=DIR" >&2; exit 1; }
	$(Q)tools/link-tree $(TREE) abi switcher host_module
	$(Q)PATH="$(KTOOLS:%=%:)$$PATH" $(MAKE) $(if $(V),V=1,-s) -C '$(KDIR)' M=$(TREE)/host_module \
		RINGLET_VERSION=$(VERSION) CONFIG_DEBUG_INFO_BTF_MODULES= \
		$(MODULE_FLAGS) modules
	$(Q)cmp -s $(TREE)/host_module/ringlet.ko $(MODULE_BUILD)/ringlet.ko || \
		{ cp $(TREE)/host_module/ringlet.ko $(MODULE_BUILD)/new.ko && \
		mv $(MODULE_BUILD)/new.ko $(MODULE_BUILD)/ringlet.ko; }

# --- to look at it ---

# Two of these at once must not build the same file.
LOCKED = mkdir -p build && flock build/lock

# Which kernel a guest has: a flavour or a series (tests/lib/kernels.py), or i386.
GUEST_KERNEL = $(if $(GUEST),RINGLET_GUEST_KERNEL='$(GUEST:i386=686-pae)')
GUEST_WISHES = $(if $(GUEST_ADD),--add '$(GUEST_ADD)') $(if $(CPUS),--cpus '$(CPUS)') \
	$(if $(STATS),--stats '$(STATS)')

# What it says goes to standard error: standard output is the command's.
demo:
	$(Q)tools/deps >&2
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox >&2
	$(Q)$(GUEST_KERNEL) tests/sandbox/guest $(GUEST_WISHES) $(DEMO_ARGS) $(if $(CMD),-- "$$CMD")

demo-disk:
	$(Q)tools/deps >&2
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox >&2
	$(Q)$(GUEST_KERNEL) tests/sandbox/disk $(GUEST_WISHES) $(DEMO_ARGS) $(if $(CMD),-- "$$CMD")
export CMD

check:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tools/report
	$(Q)tests/run $(if $(TAGS),--tags '$(TAGS)') \
		$(if $(TAGS)$(TESTS),,--without slow) $(TESTS)

# What takes too long for `make check`: whole Debians, made and booted.
check-slow:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/run --tags slow

# The hosts that this machine's Debian is not, and each kind of guest there.
check-kernels:
	$(Q)tools/deps
	$(Q)tests/kernels

# On a Debian that has nothing of what it takes, and may not be this machine's.
check-bare:
	$(Q)tools/deps
	$(Q)tests/bare $(SUITE)

mutants:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/mutants/run $(MUTANTS)

lab:
	$(if $(N),$(Q)tools/deps)
	$(Q)tests/labs/run $(N) $(HINT:%=--hint %) $(if $(RESET),--reset)

classroom:
	$(Q)tools/deps
	$(Q)tests/classroom/make

check-labs:
	$(Q)tools/deps
	$(Q)tests/labs/run --check $(N)

fuzz:
	$(Q)tools/deps
	$(Q)$(MAKE) -C tests/fuzz $(if $(SECONDS),SECONDS='$(SECONDS)')

soaks:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)$(if $(SECONDS),RINGLET_SOAK_SECONDS='$(SECONDS)') tests/soak/all

coverage:
	$(Q)tools/deps
	$(Q)tests/coverage $(SECONDS)

bench:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/bench/run $(if $(filter i386,$(GUEST)),--i386)

# What a change must not make worse. How to store new figures: Documentation/performance.md.
bench-check:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/bench/run --instructions --no-erms --against tests/bench/stored.json

bench-profile:
	$(Q)tools/deps
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/bench/profile/run $(if $(ONLY),--only '$(ONLY)')

selftests:
	$(Q)tools/deps selftests
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tests/selftests/table

journey:
	$(call say,JOURNEY,build/journey.md)
	$(Q)tools/journey render build/journey.md

book:
	$(Q)tools/deps book
	$(call say,BOOK,build/book)
	$(Q)tools/book build build/book

recording:
	$(Q)$(LOCKED) $(MAKE) build FOR=sandbox
	$(Q)tools/recording Documentation/session.txt

# Any character is allowed in these paths, so make does not expand them.
install uninstall: export RINGLET_DESTDIR := $(value DESTDIR)
install uninstall: export RINGLET_PREFIX := $(value PREFIX)
install: export RINGLET_FOR := $(if $(filter-out file,$(origin KDIR)),KDIR,$(FOR))

install: build
	$(Q)tools/install

uninstall:
	$(Q)tools/install --undo

# dpkg-buildpackage writes beside the folder that it works in.
deb:
	$(Q)tools/deps deb
	$(call say,DEB,build/deb)
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/source
	$(Q)cp -r $(filter-out build,$(wildcard *)) $(BUILD)/deb/source
	$(Q)cd $(BUILD)/deb/source && env -u MAKEFLAGS -u MAKEOVERRIDES \
		dpkg-buildpackage -b -us -uc >../log 2>&1 || \
		{ cat ../log; exit 1; }
	$(Q)rm -rf $(BUILD)/deb/source
	$(Q)ls $(BUILD)/deb/*.deb

clean:
	$(call say,CLEAN,build)
	$(Q)rm -rf build
