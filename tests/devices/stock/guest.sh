# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# In the guest: Linux's own drivers, one after the other. Each line of the
# output is compared by ./run.

while read -r module; do
	insmod "/add/$module" || exit 1
done </add/order

# port NAME: its device
port() {
	for file in /sys/class/virtio-ports/*/name; do
		[ "$(cat "$file")" != "$1" ] || {
			file=${file%/name}
			echo "/dev/${file##*/}"
			return
		}
	done
}

# until_is WORD COMMAND...: for a while, until it prints that
until_is() {
	word=$1
	shift
	i=0
	while [ $i -lt 300 ] && [ "$("$@")" != "$word" ]; do
		i=$((i + 1))
		sleep 0.2
	done
	"$@"
}

there() {
	# shellcheck disable=SC2046 # one word each
	set -- $(for name in org.sock org.file org.pty; do port $name; done)
	echo $#
}

sizes() {
	for tty in "$@"; do
		stty size <"/dev/$tty"
	done
}

echo "ports: $(until_is 3 there)"
echo "main console: $(until_is '31 101' sizes hvc0)"
echo resize-me
echo "main console: $(until_is '50 132' sizes hvc0)"
echo "lone console: $(until_is '30 90' sizes hvc1)"
echo "console of several: $(until_is '20 70' sizes hvc3)"

echo 'to a file' >/dev/hvc1
echo "to a port's file" >"$(port org.file)"
# Nobody reads this one, and the guest goes on.
head -c 300000 /dev/zero | tr '\0' x >/dev/hvc2
echo 'past the console that nobody reads'

# The sender was gone before this is opened.
bytes=0
i=0
while [ "$bytes" -lt 400000 ] && [ $i -lt 300 ]; do
	cat "$(port org.sock)" >>/tmp/in
	bytes=$(wc -c </tmp/in)
	i=$((i + 1))
	sleep 0.1
done
echo "from a socket: $bytes bytes, $(md5sum </tmp/in)"
rm /tmp/in

# A named port waits for its reader.
head -c 100000 /dev/zero | tr '\0' p >"$(port org.pty)" &
stage=$(port org.stage)
echo pty >"$stage"
wait
echo "from a pty: $(head -n 1 <"$(port org.pty)")"

echo "random bytes: $(head -c 32 /dev/hwrng | wc -c)"

ip link set eth0 up
# A frame that is sent before Linux has heard of the carrier is lost, by its "noop".
tries=0
while ip link show eth0 | grep -q 'qdisc noop' && [ $tries -lt 600 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
/add/burst 1000

free_now() {
	sed -n 's/MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo
}
# low: is most of the memory in the balloon?
low() {
	[ "$(free_now)" -gt $((before - 90000)) ] && echo no || echo yes
}
before=$(free_now)
echo balloon >"$stage"
echo "balloon filled: $(until_is yes low)"
# To the last page: a slow machine is not done yet.
settled() {
	was=$(free_now)
	sleep 1
	[ $((was - $(free_now))) -gt 500 ] && echo no || echo yes
}
until_is yes settled >/dev/null
echo taken >"$stage"
sleep 1
# More than is left: the balloon gives it back, and nothing is killed.
dd if=/dev/zero of=/dev/null bs=$((before * 3 / 4))k count=1 2>/dev/null
echo "a large program ended with $?"
# What is free now is reported two seconds later.
sleep 5
echo squeezed >"$stage"
sleep 2
