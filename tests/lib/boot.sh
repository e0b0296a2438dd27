# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests in tests/boot share. Sourced, with the top folder as the
# current one.

set -eu

# boots GUEST-OPTIONS...: a guest starts, its programs run and fork, and it
# ends; its kernel has no complaint, and neither has the host's.
boots() {
	# shellcheck disable=SC2016 # for the guest's shell
	tests/sandbox/guest --timeout 150 --log "$TEST_DIR/log" \
		--stats "$TEST_DIR/stats" "$@" -- '
		uname -r
		i=0
		while [ $i -lt 50 ]; do
			[ "$(echo $i | sed s/x/y/)" = $i ] || exit 1
			i=$((i + 1))
		done
		dd if=/dev/zero of=/tmp/f bs=64k count=256 2>/dev/null || exit 1
		[ "$(md5sum </tmp/f)" = "2c7ab85a893283e98c931e9511add182  -" ] ||
			exit 1
		dmesg | grep -E "\[#[0-9]+\]|BUG:|WARNING:|Call Trace" && exit 1
		# What even a quiet boot shows on the console.
		dmesg -r | grep "^<[0-3]>" && exit 1
		echo fine' >"$TEST_DIR/out"
	cat "$TEST_DIR/out"
	[ "$(tail -n 1 "$TEST_DIR/out")" = fine ]
	grep qemu-cpu-seconds "$TEST_DIR/log"
}
