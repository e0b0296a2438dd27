# SPDX-License-Identifier: GPL-2.0
# What tests/devices/try/run does in the emulated host, as root; `u` is somebody of
# no rank. Results go to files in /tmp and are told at the end.
# shellcheck shell=sh disable=SC2016

modprobe ringlet || exit 9
chmod 755 / /guest
chmod 1777 /tmp
chmod 666 /dev/ringlet
chmod 644 /guest/vmlinuz
mkdir -p /boot "/home/a b/work" "/home/a b/more" /home/other
ln -s /guest/vmlinuz "/boot/vmlinuz-$(uname -r)"
cp -r /root/.cache/ringlet '/home/a b/cache'
chown -R 1000:1000 /home/*
chmod -R go-w /home
export HOME='/home/a b' RINGLET_CACHE='/home/a b/cache'
cd "$HOME/work" || exit 9
u() {
	/opt/setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs "$@"
}
say() {
	echo "host: $*"
}

u ringlet try --rw "$HOME/more" -- sh -c '
	pwd; id -un; touch x; ls /
	echo here >../more/y; echo away >/home/other/z; cat /home/other/z
	echo "$HOME" && echo err >&2 && echo again >/dev/stderr; exit 7' \
	>/tmp/out 2>/tmp/err
say "status $?"
cat /tmp/out
[ "$(cat /tmp/err)" = "err
again" ] && say 'stderr is apart'
[ -e x ] && [ "$(cat "$HOME/more/y")" = here ] && say 'folders are written'
[ -z "$(ls /home/other)" ] && say 'nothing else is written'
stat -c 'host: %U %G %s' x

# Into a pipe and out of one; the initrd is in the cache by now.
dd if=/dev/urandom of=/tmp/random bs=1k count=1024 2>/dev/null
ls -A "$RINGLET_CACHE" | grep -c '^\.try\.' | sed 's/^/host: initrds: /'
cat /tmp/random | u ringlet try cat 2>/tmp/err | md5sum | cmp - /dev/fd/3 3<<END &&
$(md5sum </tmp/random)
END
	[ ! -s /tmp/err ] && say '1 MB is unharmed'

# A reader that goes away, a signal, no input and no output for errors.
u ringlet try -- sh -c 'yes; kill -9 $$' 2>/dev/null </dev/null | head -n 1
u ringlet try -- sh -c 'read x || kill -9 $$' 2>/dev/null </dev/null
say "signal: $?"

# What is said where something is missing.
u ringlet try --kernel /boot/none true
say "no kernel: $?"
chmod 600 /guest/vmlinuz
u ringlet try true
say "kernel not readable: $?"
chmod 644 /guest/vmlinuz
mv "/lib/modules/$(uname -r)/modules.dep" /tmp/dep
u ringlet try true
say "no modules.dep: $?"
sed '/overlay/d' /tmp/dep >"/lib/modules/$(uname -r)/modules.dep"
u ringlet try true
say "no overlay: $?"
mv /tmp/dep "/lib/modules/$(uname -r)/modules.dep"
mv /usr/bin/diod /tmp
u ringlet try true
say "no diod: $?"
u ringlet try --rw /none true
say "no folder: $?"
u ringlet try --nonsense
say "no option: $?"
rmmod ringlet && say unloaded
