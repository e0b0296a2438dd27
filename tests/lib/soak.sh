# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests in tests/soak share. Sourced, with the top folder as the
# current one.

set -eu

# For the guest's shell: does its function `work N` once for each of its processors, all at
# the same time, and ends with 1 where one of them does.
# shellcheck disable=SC2016 # not for this shell
on_each='
	workers=
	for number in $(seq "$(nproc)"); do
		work $number &
		workers="$workers $!"
	done
	for worker in $workers; do wait $worker || exit 1; done'

# For the guest's shell: works for $SECONDS_LONG seconds, three rounds at least, on each
# of its processors, with processes, pipes, memory, files and floating point, and fails
# where a result is wrong.
# shellcheck disable=SC2016 # not for this shell
# shellcheck disable=SC2034 # used by those who source this
workload='
	work() {
		end=$(($(cut -d. -f1 /proc/uptime) + SECONDS_LONG))
		rounds=0
		file=/tmp/f$1
		while [ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || [ $rounds -lt 3 ]; do
			sum=$(awk "BEGIN { for (i = 1; i < 3000; i++) s += 1 / i
				printf \"%.9f\", s }")
			[ "$sum" = 8.583416557 ] || { echo "sum is $sum"; exit 1; }
			dd if=/dev/zero of=$file bs=64k count=32 2>/dev/null
			[ "$(md5sum <$file)" = "b2d1236c286a3c0704224fe4105eca49  -" ] ||
				{ echo "md5sum is wrong"; exit 1; }
			n=$(seq 1 2000 | sort -rn | grep -c 7)
			[ "$n" = 542 ] || { echo "n is $n"; exit 1; }
			rounds=$((rounds + 1))
		done
		echo "$rounds rounds"
	}'"$on_each"'
	dmesg | grep -E "\[#[0-9]+\]|BUG:|WARNING:|Call Trace" && exit 1
	echo fine'
# shellcheck disable=SC2034
cpus=${RINGLET_SOAK_CPUS:-1}	# of the guest

# statistic FILE NAME: one number of the launcher's statistics.
statistic() {
	python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}
