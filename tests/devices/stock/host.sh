# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Beside the launcher, in the emulated host: what the guest's devices are
# connected to. The guest says in /tmp/stage (a port of its) how far it is.

stage() {
	i=0
	until grep -q "^$1\$" /tmp/stage 2>/dev/null; do
		i=$((i + 1))
		[ $i -lt 400 ] || { echo "the guest never came to: $1"; exit 1; }
		sleep 0.5
	done
}

/beside send /tmp/port.sock 400000
echo 'socket: sent and gone'
stage pty
name=$(sed -n 's/.*port 3 is //p' /tmp/errors | head -n 1)
echo "pty: $(head -c 100000 <"$name" | tr -d p | wc -c) bytes are wrong"
echo from-the-host >"$name"
/beside net /tmp/net 1000 &
stage balloon
/beside ask /tmp/balloon 'take 100M'
stage taken
echo "before: $(/beside ask /tmp/balloon info)"
stage squeezed
echo "after: $(/beside ask /tmp/balloon info)"
wait
