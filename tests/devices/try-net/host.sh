# SPDX-License-Identifier: GPL-2.0
# What tests/devices/try-net/run does in the emulated host, as root.
# shellcheck shell=sh

modprobe ringlet && modprobe tun || exit 9
chmod 755 / /guest
chmod 1777 /tmp
chmod 666 /dev/ringlet
chmod 644 /guest/vmlinuz
mkdir -p /boot /work /web /moved
ln -s /guest/vmlinuz "/boot/vmlinuz-$(uname -r)"
cp -r /root/.cache/ringlet /cache
chown -R 1000:1000 /work /cache
chmod -R go-w /cache
echo nobody:x:65534:65534:nobody:/:/bin/sh >>/etc/passwd
tunctl -t up0 && ip addr add 192.168.7.2/24 dev up0 && ip link set up0 up &&
	ip route add default via 192.168.7.1 || exit 9
echo 'nameserver 127.0.0.53' >/etc/resolv.conf
echo served >/web/page
httpd -h /web -p 127.0.0.1:8080
cat >/as-user <<'END'
export HOME=/work RINGLET_CACHE=/cache
cd /work
exec /opt/setpriv --reuid 1000 --regid 1000 --clear-groups ringlet try -- sh -c '
	ip route; cat /etc/resolv.conf; wget -q -O- http://192.168.7.1:8080/page'
END
# passt changes its root folder, which does not work in an initramfs.
mount --rbind / /moved && cd /moved && mount --move . / || exit 9
chroot . sh /as-user 2>/tmp/err || exit 1
# What passt may have to warn of is not the command's.
cat /tmp/err
[ -s /tmp/err ] || echo 'host: stderr is clean'
