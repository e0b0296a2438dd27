# SPDX-License-Identifier: GPL-2.0
"""What tests/sandbox/guest does: a guest in the sandbox, and its output.

The command's output comes over the guest's console, with boot messages before
it. guest_init frames it with a word made for this run; Frame takes it out.
"""

import argparse
import math
import os
import re
import secrets
import shlex
import sys

import initramfs
import kernels
import sandbox
from cpio import Archive
from paths import EXIT_TROUBLE, Trouble, say

EXIT_GUEST = 123
HOST_MEMORY = 768       # MB for the host itself and its initramfs


class Frame:
    """Splits the console stream: before, the command's output, after."""

    def __init__(self, token, sink, show_boot):
        self.begin = f"<{token} begin>\n".encode()
        self.end = re.compile(rb"<%s end (\d+) (\d+)>\n" % token.encode())
        self.open = b"<" + token.encode()
        self.sink = sink
        self.show_boot = show_boot
        self.began = False
        self.status = None
        self.before = b""
        self.held = b""
        self.after = b""
        self.error_bytes = 0

    def feed(self, data):
        if self.status is not None:
            self.after += data
        elif self.began:
            self._during(data)
        else:
            self._before(data)

    def _before(self, data):
        if self.show_boot:
            os.write(2, data)
        self.before += data
        start = self.before.find(self.begin)
        if start >= 0:
            rest = self.before[start + len(self.begin):]
            self.before = self.before[:start]
            self.began = True
            if rest:
                self._during(rest)

    def _during(self, data):
        self.held += data
        found = self.end.search(self.held)
        if found:
            self.sink(self.held[:found.start()])
            self.status = int(found.group(1))
            self.error_bytes = int(found.group(2))
            self.after = self.held[found.end():]
            self.held = b""
            return
        # What may be the start of the end mark waits for more.
        keep = self.held.rfind(b"<", max(0, len(self.held) - 80))
        if keep < 0 or not self._may_open(self.held[keep:]):
            keep = len(self.held)
        self.sink(self.held[:keep])
        self.held = self.held[keep:]

    def _may_open(self, tail):
        return self.open.startswith(tail) or tail.startswith(self.open)

    def errors(self):
        """Standard error of the command."""
        return self.after[:self.error_bytes]


def parser():
    p = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    p.add_argument("--add")
    p.add_argument("--stats")
    p.add_argument("--memory", type=int, default=256, dest="guest_memory")
    p.add_argument("--guest-kernel", "--kernel",
                   default=kernels.GUEST_DEFAULT, dest="guest")
    p.add_argument("--host-kernel", default=kernels.DEFAULT, dest="flavour")
    p.add_argument("--guest-append", default="")
    p.add_argument("--run-args", default="")
    p.add_argument("--cpus", type=int, default=1, dest="guest_cpus")
    p.add_argument("--host-cpus", type=int, default=1, dest="cpus")
    p.add_argument("--host-cpu", default="max", dest="cpu")
    p.add_argument("--host-memory", type=int, dest="memory")
    p.add_argument("--append", action="append", default=[])
    p.add_argument("--module-args", default="")
    p.add_argument("--host-add", action="append", default=[])
    p.add_argument("--host-program", action="append", default=[],
                   dest="program")
    p.add_argument("--before", default=":")
    p.add_argument("--after", default=":")
    p.add_argument("--wrap", default="")
    p.add_argument("--pack")
    p.add_argument("--disk", action="append", default=[], dest="disks")
    p.add_argument("--fast", action="store_true")
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--log")
    p.add_argument("--timeout", type=float)
    p.add_argument("--qemu-args", type=shlex.split, default=[])
    p.add_argument("command", nargs="*")
    return p


def shell_text(command):
    """One word is text for the guest's shell, more are a command and its words."""
    return command[0] if len(command) == 1 else shlex.join(command)


def limit(options, seconds):
    """Who sits at a terminal ends it when he wants, unless he named a time."""
    if options.timeout is None:
        options.timeout = math.inf if options.tty else seconds


def guest_archive(options, token):
    """What follows the guest's own initrd: the command and /add."""
    archive = Archive()
    if options.command:
        archive.data("command", (shell_text(options.command) + "\n").encode())
        archive.data("token", token.encode())
    if options.add:
        if not os.path.isdir(options.add):
            raise Trouble(f"--add: there is no folder {options.add}")
        archive.tree("add", options.add)
    return archive.bytes()


def ask_for_cpus(options):
    """--cpus, for all that takes part."""
    cpus = options.guest_cpus
    if cpus > 1:
        options.module_args += f" max_vcpus={cpus}"
        options.run_args += f" --cpus {cpus}"
        # TCG's TSCs are of one pace, and Linux does not know.
        options.append.append("tsc=reliable")


def host_script(options):
    """The shell commands that the emulated host runs."""
    words = f"console={kernels.console_of(options.guest)}" + ("" if options.verbose else " quiet")
    ask_for_cpus(options)
    lines = [
        f"modprobe ringlet {options.module_args} || exit 125",
        "cat /guest/initrd.gz /sandbox/guest.cpio >/tmp/initrd",
        "rm /sandbox/guest.cpio",
        options.before,
        f"{options.wrap} ringlet run --memory {options.guest_memory}M --initrd /tmp/initrd "
        f"--stats /tmp/stats {options.run_args} /guest/vmlinuz -- {words} "
        f"{options.guest_append}",
        "status=$?",
        f"{{ {options.after}\n}} >&2",
    ]
    if options.stats:
        lines.append("cat /tmp/stats >/dev/vport0p4")
    return "\n".join(lines + ["exit $status"]) + "\n"


def keep_stats(options):
    """The statistics come on the channel that also carries the status."""
    if not options.stats:
        return
    if not options.payload.strip():
        say("`ringlet run` wrote no statistics")
        return
    with open(options.stats, "wb") as out:
        out.write(options.payload)


def with_command(options, token):
    """Runs CMD in the guest; returns the exit status."""
    frame = Frame(token, sandbox.write_all(1), options.verbose)
    options.stdin = None
    status = sandbox.execute(options, stdout=frame.feed)
    guest_words = frame.held if frame.began else frame.before
    if status in (sandbox.EXIT_KERNEL, sandbox.EXIT_TIMEOUT, EXIT_TROUBLE):
        if frame.status is None and not options.verbose:
            show(guest_words)
        return status
    if frame.status is None:
        say(f"the guest ended before the command did; `ringlet run` exited "
            f"with {status}; the guest's last words:")
        show(guest_words)
        return EXIT_GUEST
    os.write(2, frame.errors())
    if status:
        say(f"the command ended with {frame.status}, but `ringlet run` "
            f"exited with {status}")
        return EXIT_GUEST
    return frame.status


def show(text):
    for line in text.decode(errors="replace").splitlines()[-60:]:
        print("  | " + line.rstrip("\r"), file=sys.stderr)


def pack(options):
    """Only writes what follows /guest/initrd.gz; the frame's word is T."""
    def action():
        with open(options.pack, "wb") as out:
            out.write(guest_archive(options, "T"))
        return 0
    return sandbox.guarded(action)


def main(words, usage):
    if "--help" in words[:1] or "-h" in words[:1]:
        os.write(1, usage.strip().encode() + b"\n")
        return 0
    options = parser().parse_args(words)
    options.memory = options.memory or HOST_MEMORY + options.guest_memory
    options.bare = False
    if options.pack:
        return pack(options)
    token = secrets.token_hex(8)
    framed = bool(options.command)
    options.tty = not framed and os.isatty(0) and os.isatty(1)
    limit(options, 120)

    def action():
        initramfs.require_product(options.flavour)
        options.more = {
            "sandbox/guest.cpio": guest_archive(options, token),
            "sandbox/script": host_script(options).encode()}
        options.add, options.command = options.host_add, ["sh", "/sandbox/script"]
        sandbox.build(options, prepared=True)
        status = with_command(options, token) if framed \
            else sandbox.execute(options)
        keep_stats(options)
        return status
    return sandbox.guarded(action)
