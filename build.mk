# SPDX-License-Identifier: GPL-2.0
#
# The launcher, build/ringlet, and how any C file of it is compiled. Included
# by the Makefile.

LIBRARIES = liblzma zlib libzstd liblz4 libseccomp libcap-ng liburing json-c nettle \
	ncursesw libtracefs
# Only those that the sources name are linked.
header_liblzma = lzma.h
header_zlib = zlib.h
header_libzstd = zstd.h
header_liblz4 = lz4[a-z]*.h
header_libseccomp = seccomp.h
header_libcap-ng = cap-ng.h
header_liburing = liburing.h
header_json-c = json-c/json.h
header_nettle = nettle/sha2.h
header_ncursesw = curses.h
header_libtracefs = tracefs.h

SOURCES := $(wildcard launcher/*.c virtio_devices/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)

used = $(foreach l,$(LIBRARIES),$(if $(shell grep -l '#include <$(header_$(l))>' $(SOURCES)),$(l)))
# Debian's Zydis has no file for pkg-config.
LIBS = $(shell pkg-config --libs $(used)) -lZydis -pthread
FLAGS = -std=gnu11 -D_GNU_SOURCE -I. -pthread $(WARNINGS) $(CFLAGS)

launcher: $(BUILD)/ringlet $(BUILD)/layer.elf $(BUILD)/shim.elf $(BUILD)/try-init

# The paravirt layer, for whatever kernel. What it must not have is what would make a
# kernel rewrite it, or touch registers that are a program's; nor has it marks for
# indirect branches, as CET is off in ring 1. Undefined symbols stay for `ringlet
# prepare`, and so do the relocations.
LAYER_SOURCES := $(wildcard guest_pv/*.c guest_pv/*.S)
LAYER_OBJECTS := $(LAYER_SOURCES:%=$(BUILD)/obj/%.o)
LAYER_FLAGS = -std=gnu11 -O2 -march=x86-64 -I. -Iguest_pv -ffreestanding \
	-mcmodel=kernel -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only \
	-fno-strict-aliasing -fwrapv -fno-delete-null-pointer-checks -fno-common \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-jump-tables \
	-fcf-protection=none -Wall -Wextra -Wno-unused-parameter -Werror -Wshadow \
	-Wmissing-prototypes $(LAYER_STACK)
# The kernel keeps its stack at 8 bytes.
LAYER_STACK = $(if $(findstring clang,$(shell $(CC) --version)),\
	-mstack-alignment=8,-mpreferred-stack-boundary=3)

$(BUILD)/layer.elf: $(LAYER_OBJECTS) guest_pv/layer.lds
	$(call say,LINK,layer.elf)
	$(Q)$(LD) -m elf_x86_64 -static -no-pie -q -z max-page-size=4096 -z noexecstack \
		--build-id=none --unresolved-symbols=ignore-all \
		-T guest_pv/layer.lds -o $@.$$$$ $(LAYER_OBJECTS) && mv $@.$$$$ $@

$(BUILD)/obj/guest_pv/%.o: guest_pv/% build.mk $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LAYER_FLAGS) $(if $(filter %.S,$<),-D__ASSEMBLY__) -MMD -MP -c -o $@ $<

# The shim below i386 kernels, for whatever of these: 64-bit code in ring 1, too.
SHIM_SOURCES := $(wildcard guest_i386/*.c guest_i386/*.S)
SHIM_OBJECTS := $(SHIM_SOURCES:%=$(BUILD)/obj/%.o)

$(BUILD)/shim.elf: $(SHIM_OBJECTS) guest_i386/shim.lds
	$(call say,LINK,shim.elf)
	$(Q)$(LD) -m elf_x86_64 -static -no-pie -z max-page-size=4096 -z noexecstack \
		--build-id=none -T guest_i386/shim.lds -o $@.$$$$ $(SHIM_OBJECTS) && \
		mv $@.$$$$ $@

$(BUILD)/obj/guest_i386/%.o: guest_i386/% build.mk $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LAYER_FLAGS) $(if $(filter %.S,$<),-D__ASSEMBLY__) -MMD -MP -c -o $@ $<

# The init of `ringlet try`: alone in its initrd, so static. Not with LDFLAGS: -pie.
$(BUILD)/try-init: guest_try/init.c abi/try.h $(BUILD)/flags
	$(call say,CC,try-init)
	$(Q)$(CC) $(FLAGS) -static -s -o $@.$$$$ $< && \
		mv $@.$$$$ $@

$(BUILD)/ringlet: $(OBJECTS)
	$(call say,LINK,ringlet)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@.$$$$ $(OBJECTS) $(LIBS) && \
		mv $@.$$$$ $@

# Where the version changes, only what prints it is rebuilt. The flags count for all.
PRINTS_VERSION := $(shell grep -l RINGLET_VERSION $(SOURCES))
$(PRINTS_VERSION:%.c=$(BUILD)/obj/%.o): $(BUILD)/version
$(PRINTS_VERSION:%.c=$(BUILD)/obj/%.o): VERSION_FLAG = -DRINGLET_VERSION='"$(VERSION)"'

$(BUILD)/version: TEXT = $(VERSION)
$(BUILD)/flags: TEXT = $(CC) $(FLAGS)
$(BUILD)/version $(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' >$@
.PHONY: FORCE

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(VERSION_FLAG) -MMD -MP -c -o $@ $<

# Its header is not where compilers look.
$(BUILD)/obj/launcher/trace_read.o: FLAGS += $(shell pkg-config --cflags libtracefs)

-include $(OBJECTS:.o=.d) $(LAYER_OBJECTS:.o=.d) $(SHIM_OBJECTS:.o=.d)
