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

# nbdkit with a plugin and all libraries of both and of libnbd, in
# $TEST_DIR/host, for --host-add "$TEST_DIR/host:/nbd". Then $nbdkit and
# $plugins are their places there, $nbd_path what the host's shell does first.
# False: they are not installed.
make_nbdkit() {
	plugins=$(dirname "$(find /usr/lib -name "nbdkit-$1-plugin.so" |
		head -n 1)")
	library=$(find /usr/lib -name libnbd.so.0 | head -n 1)
	nbdkit=$(command -v nbdkit) && [ -n "$library" ] || return 1
	[ ! -d "$plugins/nbdkit" ] || plugins=$plugins/nbdkit
	for file in "$library" "$nbdkit" "$plugins/nbdkit-$1-plugin.so"; do
		mkdir -p "$TEST_DIR/host/$(dirname "$file")"
		cp -L "$file" "$TEST_DIR/host/$file"
		ldd "$file" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
			while read -r needed; do
				mkdir -p "$TEST_DIR/host/$(dirname "$needed")"
				cp -L "$needed" "$TEST_DIR/host/$needed"
			done
	done
	nbdkit=/nbd$nbdkit
	plugins=/nbd$plugins
	# shellcheck disable=SC2016 # for the host's shell
	nbd_path='LD_LIBRARY_PATH=$(find /nbd -name "*.so*" |
		sed "s,/[^/]*\$,," | sort -u | tr "\n" :)
		export LD_LIBRARY_PATH'
}

# fio with all its libraries in $TEST_DIR/add; then $fio calls it in a guest, which
# needs 512 MB for it. False: it is not installed.
make_fio() {
	program=$(command -v fio) || return 1
	mkdir -p "$TEST_DIR/add/fio"
	# The loader is the one that has no arrow before its path.
	{
		echo "$program"
		ldd "$program" | sed -n 's/^\(.* => \|\t\)\(\/[^ ]*\) .*/\2/p'
	} | xargs cp -L -t "$TEST_DIR/add/fio"
	# shellcheck disable=SC2034 # for who sources this
	fio="/add/fio/ld-linux-x86-64.so.2 --library-path /add/fio /add/fio/fio"
}
