# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of 32-bit kernels share. Sourced, with the top folder as the current
# one. Sets $kernel, its image, and $folder, where its modules are; makes $TEST_DIR/add. Where the mirror
# has no such kernel the test ends here, as skipped.

set -eu
export RINGLET_GUEST_KERNEL=686-pae
mkdir -p "$TEST_DIR/add"
folder=$(python3 - <<'CODE'
import sys
sys.path.insert(0, "tests/lib")
sys.dont_write_bytecode = True
import debian
import kernels
try:
    release = kernels.get("686-pae")
except debian.Missing as trouble:
    print(f"skipped: {trouble}", file=sys.stderr)
    sys.exit(77)
print(f"{kernels.folder_of(release)}/lib/modules/{release}/kernel")
CODE
) || exit $?
# shellcheck disable=SC2034
kernel=${folder%/lib/modules/*}/boot/vmlinuz-$(basename "$(dirname "$folder")")

# Shell functions and an end for the guest's commands.
# shellcheck disable=SC2034,SC2016 # for who sources this; for the guest
begin='fail() { echo "$@"; exit 1; }'
# shellcheck disable=SC2034
end="dmesg | grep -E '\\[#[0-9]+\\]|BUG:|WARNING:|Call Trace' && exit 98
	echo good"

# run_guest COMMAND [options of tests/sandbox/guest]: it must end with "good".
run_guest() {
	command=$1
	shift
	tests/sandbox/guest --fast --timeout 300 --log "$TEST_DIR/log" \
		--add "$TEST_DIR/add" "$@" -- "$command" >"$TEST_DIR/said" || {
		cat "$TEST_DIR/said"
		exit 1
	}
	cat "$TEST_DIR/said"
	[ "$(tail -n 1 "$TEST_DIR/said")" = good ]
}
