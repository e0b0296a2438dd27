# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# In the emulated host: a guest that reads its disk until it finds "stop" there, looked
# at with `ringlet top` and `ringlet trace`. Standard output becomes a tar archive of
# what they said.

mkdir /out && cd /out || exit 1
fail() {
	echo "host.sh: $*" >&2
	tail -n 30 /out/said.* /out/screen /tmp/console >&2
	exit 1
}
# Until the command succeeds.
await() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || fail "never: $*"
		usleep 20000
	done
}
instances=/sys/kernel/tracing/instances
made_by() {
	[ -d "$instances/ringlet-$1" ]
}
all_stopped() {
	! grep -h '^State:' /proc/"$pid"/task/*/status | grep -qv T
}
has_guest() {
	ls /sys/kernel/debug/ringlet/"$pid"-* >/dev/null 2>&1
}
step() {
	echo "host.sh, $(cut -d' ' -f1 /proc/uptime) s: $*" >&2
}
exec 3>&1 >&2

step "nothing to see"
# What they say where there is nothing to see.
ringlet top --once 2>said.no-module && fail "top without the module"
ringlet trace web 2>said.no-module-trace && fail "trace without the module"
umount /sys/kernel/debug
ringlet top --once 2>said.no-debugfs && fail "top without debugfs"
mount -t debugfs debug /sys/kernel/debug
modprobe ringlet || exit 9
ringlet top --once >nobody || fail "top without guests"
ringlet trace web 2>said.no-guest && fail "trace of no guest"

step "a guest that is stopped at its start"
cat /guest/initrd.gz /guest.cpio >/tmp/initrd
dd if=/dev/zero of=/tmp/disk bs=1M count=4 2>/dev/null
cat >/tmp/web.conf <<'END'
kernel /guest/vmlinuz
initrd /tmp/initrd
memory 128M
append console=hvc0 quiet
disk /tmp/disk
stats /out/stats
END
ringlet run --config /tmp/web.conf </dev/null >/tmp/console 2>&1 &
pid=$!
await has_guest
kill -STOP $pid
await all_stopped
cat /sys/kernel/debug/ringlet/$pid-* >before
ringlet trace --out trace.json web >summary 2>said.trace &
tracer=$!
await grep -q "tracing $pid, web" said.trace
made_by $tracer || fail "no instance"
kill -CONT $pid
step "a guest that boots"
await grep -q up /tmp/console

step top
ringlet top --once --interval 2s >top || fail "top"
step "a terminal"
tmux new-session -d -x 100 -y 30 'ringlet top --interval 1s; echo "top: $?"; sleep 1000' ||
	fail "tmux"
in_tmux() {
	sleep 1
	tmux capture-pane -p >screen
	! grep -q 'top: [1-9]' screen || fail "top in tmux"
	grep -q "$1" screen
}
step "top in tmux"
await in_tmux 'exits/s '
cp screen screen.top
tmux send-keys q
await in_tmux 'top: 0'
tmux kill-server
step "top is over"

counts_on() {
	[ "$counters" != "$(cat /sys/kernel/debug/ringlet/$pid-*)" ]
}
step "the ends of a trace"
# However a trace ends, no instance of it stays; after kill -9, not beyond the next.
for signal in INT TERM; do
	ringlet trace $pid >summary.$signal 2>said.$signal &
	other=$!
	await grep -q tracing said.$signal
	made_by $other || fail "no instance for $signal"
	# The guest sleeps most of the time; a slow host may not see it do anything.
	counters=$(cat /sys/kernel/debug/ringlet/$pid-*)
	await counts_on
	kill -$signal $other
	wait $other || fail "trace ended by SIG$signal: $?"
	! made_by $other || fail "SIG$signal left an instance"
done
ringlet trace $pid >summary.KILL 2>said.KILL &
other=$!
await grep -q tracing said.KILL
kill -KILL $other
wait $other
made_by $other || fail "kill -9 left nothing to be removed"
ringlet trace --for 500ms $pid >summary.for 2>said.for || fail "trace --for"
! made_by $other || fail "what kill -9 left is still there"
# A full disk, and nobody who reads.
ringlet trace --for 200ms --out /dev/full $pid >/dev/null 2>said.full &&
	fail "a full disk is no success"
ringlet trace --for 200ms --out - $pid 2>said.pipe | true
made_by $tracer || fail "somebody removed the first instance"

step "the guest's end"
echo stop | dd of=/tmp/disk conv=notrunc 2>/dev/null
wait $pid || fail "the guest ended with $?"
wait $tracer || fail "the trace of the whole boot: $?"
[ -z "$(ls $instances)" ] || fail "left: $(ls $instances)"
rmmod ringlet || fail "the module is still in use"
tar c -f - . >&3
