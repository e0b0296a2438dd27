# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of networks share. Sourced, with the top folder as the current
# one. Makes $TEST_DIR/add: what the guest finds at /add.
#
# RINGLET_NET_MB: how much goes each way (16). Both files are in memory, and the
# guest's file system takes half of its own: hence $memory. A processor
# for itself needs some 80 s for 200, a shared one easily thrice that: hence
# $patience, the seconds that one side waits for the other, and $limit, those
# of the whole test.

set -eu
# shellcheck disable=SC2034 # for who sources this
megabytes=${RINGLET_NET_MB:-16}
# shellcheck disable=SC2034
memory=$((224 + 2 * megabytes))
patience=$((60 + 4 * megabytes))
# shellcheck disable=SC2034
limit=$((400 + 5 * megabytes))
mkdir -p "$TEST_DIR/add"
tests/disk/lib/modules "$TEST_DIR/add" virtio_mmio virtio_net

# Shell functions of a guest.
# shellcheck disable=SC2034,SC2016 # for who sources this; for the guest
in_guest="patience=$patience"'
	# start ADDRESS...: the drivers, eth0 and on, and a web server of /srv
	start() {
		while read -r module; do
			insmod "/add/$module" || exit 1
		done </add/order
		card=0
		for address; do
			ip addr add "$address/24" dev eth$card &&
				ip link set eth$card up || exit 1
			card=$((card + 1))
		done
		mkdir /srv
		httpd -p 80 -h /srv
	}
	# offer FILE MEGABYTES: random data and their checksum
	offer() {
		dd if=/dev/urandom of="/srv/$1" bs=1M count="$2" 2>/dev/null || {
			echo "no room for $1 of $2 MB" >&2
			exit 1
		}
		md5sum <"/srv/$1" >/srv/sum.new
		mv /srv/sum.new "/srv/$1.sum"
	}
	# patient URL: fetch it, waiting until it is there
	patient() {
		i=0
		until wget -q -O - "$1" 2>/dev/null; do
			i=$((i + 1))
			[ $i -lt $patience ] || { echo "no answer: $1" >&2; exit 1; }
			sleep 1
		done
	}
	# same HOST FILE: what FILE of HOST holds is what it should be
	same() {
		sum=$(patient "http://$1/$2.sum") || exit 1
		[ "$(wget -q -O - "http://$1/$2" | md5sum)" = "$sum" ] || {
			echo "$2 of $1 is damaged" >&2
			exit 1
		}
		echo "$2 of $1: $sum"
	}
	# The other side has fetched FILE from us and says what it got.
	arrived() {
		[ "$(patient "http://$1/$2.arrived")" = \
			"$(cat "/srv/$2.sum")" ] || {
			echo "$2 arrived damaged" >&2
			exit 1
		}
		echo "$2: arrived"
	}'

# What the emulated host runs in the background beside one guest: serve
# /srv, fetch /up of the guest at $1 (host:port), say what arrived.
# shellcheck disable=SC2034,SC2016
on_host='
	beside() {
		mkdir -p /srv
		dd if=/dev/urandom of=/srv/down bs=1M count="$2" 2>/dev/null &&
			md5sum </srv/down >/srv/down.sum ||
			echo "no room for $2 MB in the emulated host" >&2
		httpd -p 80 -h /srv
		(
			# The checksum is there once the file is whole.
			until wget -q -O /dev/null "http://$1/up.sum"; do
				sleep 1
			done 2>/dev/null
			wget -q -O - "http://$1/up" | md5sum >/srv/new
			mv /srv/new /srv/up.arrived
		) &
	}'
