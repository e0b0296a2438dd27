# SPDX-License-Identifier: GPL-2.0
#
# The launcher, build/ringlet, and how any C file of it is compiled. Included
# by the Makefile.

LIBRARIES = liblzma zlib libzstd liblz4 libseccomp libcap-ng liburing json-c nettle
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

SOURCES := $(wildcard launcher/*.c virtio_devices/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)

used = $(foreach l,$(LIBRARIES),$(if $(shell grep -l '#include <$(header_$(l))>' $(SOURCES)),$(l)))
LIBS = $(shell pkg-config --libs $(used)) -pthread
FLAGS = -std=gnu11 -D_GNU_SOURCE -I. -pthread $(WARNINGS) $(CFLAGS)

launcher: $(BUILD)/ringlet $(BUILD)/try-init

# The init of `ringlet try`: alone in its initrd, so static. Not with LDFLAGS: -pie.
TRY_SOURCES := $(wildcard guest_try/*.c)

$(BUILD)/try-init: $(TRY_SOURCES) guest_try/init.h abi/try.h $(BUILD)/flags
	$(call say,CC,try-init)
	$(Q)$(CC) $(FLAGS) -static -s -o $@.$$$$ $(TRY_SOURCES) && \
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

-include $(OBJECTS:.o=.d)
