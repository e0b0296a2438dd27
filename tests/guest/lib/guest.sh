# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests in tests/guest share. Sourced, with the top folder as the
# current one.

set -eu
guest_kernel=${RINGLET_GUEST_KERNEL:-amd64}
mkdir -p "$TEST_DIR/add"

# program NAME [gcc's arguments]: builds tests/guest/*/NAME.c into /add.
program() {
	name=$1
	shift
	gcc -O1 -D_GNU_SOURCE -static -Wall -Wextra -Werror -pthread \
		-Itests/guest/lib -o "$TEST_DIR/add/$name" \
		tests/guest/*/"$name".c "$@"
}

# in_guest COMMAND [options of tests/sandbox/guest]: the command must succeed,
# and the guest's kernel must not complain.
in_guest() {
	command=$1
	shift
	tests/sandbox/guest --fast --timeout 250 --log "$TEST_DIR/log" \
		--add "$TEST_DIR/add" "$@" -- "
		$command
		status=\$?
		dmesg | grep -E '\\[#[0-9]+\\]|BUG:|WARNING:|Call Trace' &&
			exit 98
		exit \$status"
}
