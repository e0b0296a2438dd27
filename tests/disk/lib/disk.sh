# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of disks in the sandbox share. Sourced, with the top folder as
# the current one. Makes $TEST_DIR/add: what the guest finds at /add.

set -eu

# The programs of a guest: `load` does and checks writes (see load.c). Where
# $more_modules names some, they are loaded in the guest too.
make_add() {
	mkdir -p "$TEST_DIR/add"
	# shellcheck disable=SC2086 # words on purpose
	tests/disk/lib/modules "$TEST_DIR/add" virtio_mmio virtio_blk \
		${more_modules:-}
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread \
		-o "$TEST_DIR/add/load" tests/disk/lib/load.c
}

# What a guest's command begins with: the drivers.
# shellcheck disable=SC2034,SC2016 # for who sources this; for the guest
drivers='while read -r module; do insmod "/add/$module" || exit 1
	done </add/order
	i=0
	while [ ! -b /dev/vda ]; do
		i=$((i + 1))
		[ $i -lt 100 ] || exit 1
		sleep 0.1
	done'
