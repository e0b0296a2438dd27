# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# In the emulated host: a guest that waits for gdb, which is outside: standard input and
# output are its connection. $1: how many vCPUs.

fail() {
	echo "host.sh: $*" >&2
	cat /tmp/console >&2
	exit 1
}
listens() {
	grep -q " 0100007F:04D2 00000000:0000 0A " /proc/net/tcp
}
exec 3>&1 >&2
modprobe ringlet || exit 9
ifconfig lo 127.0.0.1 up
cat /guest/initrd.gz /guest.cpio >/tmp/initrd
ringlet run --gdb tcp:1234 --wait --initrd /tmp/initrd --memory 128M --cpus "$1" \
	--append "console=hvc0 quiet" /guest/vmlinuz </dev/null >/tmp/console 2>&1 &
pid=$!
until listens; do
	kill -0 $pid || fail "it does not run"
	usleep 50000
done
nc 127.0.0.1 1234 >&3
echo "host.sh: gdb has gone, at $(cut -d' ' -f1 /proc/uptime) s"
# The guest goes on without any of gdb's breakpoints, and ends in order.
wait $pid || fail "the guest ended with $?"
cat /tmp/console
grep -q "^down" /tmp/console || fail "the guest did not see what gdb wrote"
rmmod ringlet || fail "the module is still in use"
echo "host.sh: all is well"
