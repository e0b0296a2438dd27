# SPDX-License-Identifier: GPL-2.0
"""What tests/sandbox/disk does: a Debian guest with a root disk and a network.

The emulated host has the root's image as /dev/vda and gives it to the guest.
The command travels on a second, small disk: an archive that the image's
guest-command.service unpacks. Its output comes back over the console, framed
as guest.py knows it. On the host's side of the guest's network (a tap device)
a DHCP server and a web server answer.
"""

import os
import secrets
import shutil

import guest
import initramfs
import kernels
import rootfs
import sandbox
from paths import Trouble

HOST_MEMORY = 896       # MB for the host itself, its initramfs and the initrd
BLOCK = 512
DAMAGED = 122           # the host's exit status when fsck finds something

# The host's side of the net. The guest's sources.list names the address.
NETWORK = """
modprobe tun
tunctl -t tap0 >/dev/null
ip address add 10.0.77.1/24 dev tap0
ip link set tap0 up
: >/tmp/leases
udhcpd -S /sandbox/udhcpd.conf
mkdir -p /srv
httpd -p 10.0.77.1:80 -h /srv
"""
UDHCPD = b"""interface tap0
start 10.0.77.10
end 10.0.77.99
lease_file /tmp/leases
pidfile /tmp/udhcpd.pid
option subnet 255.255.255.0
option router 10.0.77.1
option lease 86400
"""


def parser():
    p = guest.parser()
    p.set_defaults(guest_memory=512)
    p.add_argument("--image")
    p.add_argument("--disk-options", default="")
    p.add_argument("--no-net", action="store_true")
    p.add_argument("--serve")
    return p


def command_disk(options, token):
    """The archive with the command, as long as a disk's blocks."""
    data = guest.guest_archive(options, token)
    return data + b"\0" * (-len(data) % BLOCK)


def host_script(options):
    """The shell commands that the emulated host runs."""
    console = kernels.console_of(options.guest)
    guest.ask_for_cpus(options)
    words = f"root=LABEL=root console={console} "
    run = (f"{options.wrap} ringlet run --memory {options.guest_memory}M "
           f"--initrd /sandbox/initrd --stats /tmp/stats "
           f"--disk /dev/vda{options.disk_options} ")
    if not options.no_net:
        run += "--net tap=tap0 "
    if options.command:
        run += "--disk /sandbox/command.img,readonly,serial=command "
        # Signs of life until the command starts: on the console, but by the
        # kernel, which guest-command then tells to be silent.
        words += "systemd.show_status=no systemd.log_target=kmsg "
        words += "printk.devkmsg=on "
        words += f"systemd.mask=serial-getty@{console}.service "
        words += "systemd.wants=guest-command.service "
    lines = [
        f"modprobe ringlet {options.module_args} || exit 125",
        "" if options.no_net else NETWORK,
        options.before,
        f"{run} {options.run_args} /guest/vmlinuz -- {words} "
        f"{options.guest_append}",
        "status=$?",
        f"{{ {options.after}\n}} >&2",
        # What the guest left must be whole.
        "if ! e2fsck -fn /dev/vda >/tmp/fsck 2>&1; then",
        "echo the file system is damaged: >&2; cat /tmp/fsck >&2",
        f"status={DAMAGED}; fi",
    ]
    if options.stats:
        lines.append("cat /tmp/stats >/dev/vport0p4")
    return "\n".join(lines + ["exit $status"]) + "\n"


def _disks(options):
    """The host's /dev/vda: the user's image, or what was built, whose changes
    go to a file that QEMU forgets."""
    if options.image:
        if not os.path.exists(options.image):
            raise Trouble(f"--image: there is no {options.image}")
        return [options.image]
    return [os.path.join(options.root, "root.img") + ",snapshot=on"]


def _e2fsck():
    program = shutil.which("e2fsck") or "/sbin/e2fsck"
    if not os.path.exists(program):
        raise Trouble("e2fsck is missing: run `make deps`")
    return program


def _build(options, token):
    initramfs.require_product(options.flavour)
    options.root = rootfs.get(options.guest)
    options.disks = _disks(options) + options.disks
    options.program = [_e2fsck()]
    with open(os.path.join(options.root, "initrd.img"), "rb") as source:
        initrd = source.read()
    options.more = {"sandbox/initrd": initrd,
                    "sandbox/udhcpd.conf": UDHCPD,
                    "sandbox/command.img": command_disk(options, token),
                    "sandbox/script": host_script(options).encode()}
    options.add = list(options.host_add)
    if options.serve:
        options.add.append(f"{options.serve}:/srv")
    options.command = ["sh", "/sandbox/script"]
    sandbox.build(options, prepared=True)


def main(words, usage):
    if "--help" in words[:1] or "-h" in words[:1]:
        print(usage.strip())
        return 0
    options = parser().parse_args(words)
    options.memory = options.memory or HOST_MEMORY + options.guest_memory
    options.bare = False
    token = secrets.token_hex(8)
    framed = bool(options.command)
    options.tty = not framed and os.isatty(0) and os.isatty(1)
    guest.limit(options, 400)

    def action():
        _build(options, token)
        status = guest.with_command(options, token) if framed \
            else sandbox.execute(options)
        guest.keep_stats(options)
        return status
    return sandbox.guarded(action)
