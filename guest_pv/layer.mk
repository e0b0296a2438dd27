# SPDX-License-Identifier: GPL-2.0
#
# Builds the paravirt layer for one kernel, with that kernel's own flags.
#
#	make -f layer.mk KDIR=headers OUT=dir OUT/layer.o
#	make -f layer.mk KDIR=headers OUT=dir SYMS=script OUT/layer.elf
#
# KDIR is the folder of the kernel's header package, SYMS a linker script with
# a line `name = 0xADDRESS;` for each kernel symbol that layer.o wants.
#
# The flags come from the header package's Makefiles themselves: a folder with
# a Kbuild file is given to them as if it were a module, and the Kbuild file
# writes down what it is told. What goes is what would make the kernel patch
# the layer (ftrace, retpolines, return thunks) and the stack protector, as the
# layer runs before there is a canary.

SRC := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

ifeq ($(KDIR),)
$(error KDIR is not set: the folder of the kernel headers)
endif
ifeq ($(OUT),)
$(error OUT is not set: the folder for what is built)
endif

SOURCES := $(sort $(notdir $(wildcard $(SRC)/*.c $(SRC)/*.S)))
OBJECTS := $(patsubst %,$(OUT)/%.o,$(SOURCES))
HEADERS := $(wildcard $(SRC)/*.h) $(wildcard $(SRC)/../abi/*.h)

UNWANTED := -pg -mrecord-mcount -mfentry -DMODULE -DCC_USING_FENTRY \
	-fstack-protector-strong -fstack-protector -mindirect-branch=% \
	-mindirect-branch-register -mindirect-branch-cs-prefix \
	-mfunction-return=% -mharden-sls=% -fpatchable-function-entry=% \
	-fplugin% -Wa,-g% -g -gdwarf%

# Sections that the layer may have. Anything else (an exception table, an
# alternative, a jump label, a bug table) would need a kernel that knows it.
ALLOWED := .text .text.unlikely .data .bss .rodata .rodata.% .data.rel.ro.% \
	.ringlet.patches .ringlet.layouts .comment .note.GNU-stack \
	.note.gnu.property .symtab .strtab .shstrtab .group

all: $(OUT)/layer.elf
.DELETE_ON_ERROR:
.PHONY: all

$(OUT)/flags.mk: $(SRC)/layer.mk
	@mkdir -p $(OUT)/kbuild
	@printf '%s\n' \
	  '$$(file >$(abspath $(OUT))/kbuild/flags,FLAGS_CC := $$(CC))' \
	  '$$(file >>$(abspath $(OUT))/kbuild/flags,FLAGS_LD := $$(LD))' \
	  '$$(file >>$(abspath $(OUT))/kbuild/flags,FLAGS_SRCTREE := $$(srctree))' \
	  '$$(file >>$(abspath $(OUT))/kbuild/flags,FLAGS_CPP := $$(NOSTDINC_FLAGS) $$(LINUXINCLUDE) $$(KBUILD_CPPFLAGS))' \
	  '$$(file >>$(abspath $(OUT))/kbuild/flags,FLAGS_C := $$(KBUILD_CFLAGS) $$(KBUILD_CFLAGS_KERNEL))' \
	  '$$(file >>$(abspath $(OUT))/kbuild/flags,FLAGS_A := $$(KBUILD_AFLAGS) $$(KBUILD_AFLAGS_KERNEL))' \
	  > $(OUT)/kbuild/Kbuild
	@$(MAKE) -s -C $(KDIR) M=$(abspath $(OUT))/kbuild modules >/dev/null
	@test -s $(OUT)/kbuild/flags
	@mv $(OUT)/kbuild/flags $@

# Not wanted where no compilation follows from it.
ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),all)),)
include $(OUT)/flags.mk
endif

COMMON := -I$(SRC) -I$(SRC)/.. -DKBUILD_MODNAME='"ringlet"' \
	-DKBUILD_BASENAME='"ringlet"' -D__KBUILD_MODNAME=kmod_ringlet \
	-DKBUILD_MODFILE='"ringlet"' -D__DISABLE_EXPORTS -DCC_USING_FENTRY \
	-fno-stack-protector
LAYER_C := $(FLAGS_CPP) -include $(FLAGS_SRCTREE)/include/linux/compiler_types.h \
	$(filter-out $(UNWANTED),$(FLAGS_C)) $(COMMON) -fno-asynchronous-unwind-tables \
	-Werror -Wmissing-prototypes
LAYER_A := $(FLAGS_CPP) $(filter-out $(UNWANTED),$(FLAGS_A)) $(COMMON)

# The header package's include paths are relative to its folder.
$(OUT)/%.c.o: $(SRC)/%.c $(HEADERS) $(OUT)/flags.mk
	@cd $(KDIR) && $(FLAGS_CC) $(LAYER_C) -c -o $(abspath $@) $<

$(OUT)/%.S.o: $(SRC)/%.S $(HEADERS) $(OUT)/flags.mk
	@cd $(KDIR) && $(FLAGS_CC) $(LAYER_A) -c -o $(abspath $@) $<

$(OUT)/layer.o: $(OBJECTS)
	@$(FLAGS_LD) -r -o $@.new $(OBJECTS)
	@objdump -hw $@.new | awk '$$1 ~ /^[0-9]+$$/ && $$3 !~ /^0+$$/ {print $$2}' | \
	while read -r section; do case $$section in \
	$(subst $() $(),|,$(strip $(subst %,*,$(ALLOWED))))) ;; \
	*) echo "layer.o: section $$section is not allowed" >&2; exit 1;; \
	esac; done
	@mv $@.new $@

$(OUT)/layer.elf: $(OUT)/layer.o $(SRC)/layer.lds
	@test -s "$(SYMS)" || { echo "SYMS is not set" >&2; exit 1; }
	@$(FLAGS_LD) -m elf_x86_64 -static -no-pie -z max-page-size=4096 \
	  -z noexecstack --build-id=none -T $(SRC)/layer.lds -o $@ $(SYMS) $<
