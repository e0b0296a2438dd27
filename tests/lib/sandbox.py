# SPDX-License-Identifier: GPL-2.0
"""What tests/sandbox/run does: options, one run, the verdict."""

import argparse
import os
import shlex
import signal
import sys

import classroom
import initramfs
import kernels
import terminal
from cpio import Archive
from klog import KernelLog
from machine import Interrupted, Machine
from paths import EXIT_KERNEL, EXIT_TIMEOUT, EXIT_TROUBLE, Trouble, say

# Limits are there for what hangs; a slow machine wants more of it.
PATIENCE = float(os.environ.get("RINGLET_PATIENCE", "1"))

# panic=-1 with QEMU's -no-reboot: a panic ends the machine at once. no_timer_check:
# Linux waits some ms for its timer's first interrupts, and panics where there is none,
# as on a machine that is kept from running ("IO-APIC + timer doesn't work").
APPEND = "console=ttyS0,115200 panic=-1 oops=panic rdinit=/init no_timer_check"


def parser():
    p = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    p.add_argument("--cpus", type=int, default=1)
    p.add_argument("--memory", type=int, default=1024)
    p.add_argument("--cpu", default="max")
    p.add_argument("--append", action="append", default=[])
    p.add_argument("--add", action="append", default=[])
    p.add_argument("--program", action="append", default=[])
    p.add_argument("--disk", action="append", default=[], dest="disks")
    p.add_argument("--host-kernel", "--kernel", default=kernels.DEFAULT,
                   dest="flavour")
    p.add_argument("--guest", default=kernels.GUEST_DEFAULT)
    p.add_argument("--xen")
    p.add_argument("--timeout", type=float, default=120)
    p.add_argument("--log")
    p.add_argument("--tty", action="store_true", default=None)
    p.add_argument("--no-tty", action="store_false", dest="tty")
    p.add_argument("--bare", action="store_true")
    p.add_argument("--fast", action="store_true")
    p.add_argument("--qemu-args", type=shlex.split, default=[])
    p.add_argument("command", nargs="*")
    return p


def run_archive(options):
    """The archive that belongs to this run alone."""
    archive = Archive()
    start = window_size() if options.tty else ""
    archive.data("sandbox/command", (
        f"{start}exec {shlex.join(options.command)}\n").encode())
    ports = ["vport0p4"]
    ports += ["hvc0"] if options.tty else ["vport0p1", "vport0p2", "vport0p3"]
    archive.data("sandbox/ports", ("\n".join(ports) + "\n").encode())
    if options.disks:
        archive.folder("sandbox/disks")
    for pair in options.add:
        path, colon, target = pair.rpartition(":")
        if not colon or not target.startswith("/"):
            raise Trouble(f"--add wants FILE:/PATH, not {pair}")
        if not os.path.exists(path):
            raise Trouble(f"--add: there is no {path}")
        archive.tree(target, path)
    for path in options.program:
        if not os.path.isfile(path):
            raise Trouble(f"--program: there is no {path}")
        initramfs.add_program(archive, "usr/bin/" + os.path.basename(path),
                              path)
    for target, data in getattr(options, "more", {}).items():
        archive.data(target, data)
    return archive.bytes()


def build(options, prepared=False):
    """Fills in what the machine needs: kernel, command line, initramfs.
    prepared: without a prepared guest kernel the run makes no sense."""
    release = kernels.get(options.flavour)
    options.kernel = kernels.vmlinux(release) if options.fast \
        else kernels.vmlinuz_of(release)
    parts = [initramfs.base(release)]
    parts.append(initramfs.product(release, options.bare))
    if not options.bare:
        parts.append(initramfs.guest(options.guest, prepared))
    parts.append(run_archive(options))
    options.initramfs = parts
    options.append = " ".join([APPEND] + options.append)


def verdict(machine, log, in_time):
    """The exit status, and what has to be said about it."""
    payload, found, word = machine.status_text.rpartition(b"exit ")
    status = int(word) if found and word.strip().isdigit() else None
    machine.options.payload = payload if found else machine.status_text
    if log.first is not None:
        say("the host's kernel complained:")
        trouble = EXIT_KERNEL
    elif not in_time:
        say("the time is over: no sign of life for "
            f"{machine.options.timeout * PATIENCE:g} s; the kernel's last words:")
        trouble = EXIT_TIMEOUT
    elif machine.qemu_status:
        say(f"QEMU ended with {machine.qemu_status}: "
            + machine.qemu_errors.decode(errors="replace").strip())
        trouble = EXIT_TROUBLE
    elif status is None:
        say("the machine died before the command ended "
            "(triple fault, reset?); the kernel's last words:")
        trouble = EXIT_KERNEL
    else:
        return status
    for line in log.report():
        print("  | " + line, file=sys.stderr)
    return trouble


def _signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _on_signal(number, _frame):
    _signals(signal.SIG_IGN)
    raise Interrupted(number)


def write_all(fd):
    def write(data):
        while data:
            data = data[os.write(fd, data):]
    return write


def window_size():
    """Shell words that give the guest's terminal our terminal's size."""
    size = terminal.Terminal.size()
    return "stty rows %d cols %d; " % size if size else ""


def execute(options, stdout=None, stderr=None):
    """Runs it; returns the exit status. May raise Trouble, Interrupted."""
    log = KernelLog(options.log)
    machine = Machine(options, log)
    screen = terminal.Terminal() if options.tty else None
    sinks = {"out": stdout or write_all(1), "err": stderr or write_all(2),
             "tty": stdout or write_all(1)}
    source = options.stdin if hasattr(options, "stdin") else 0
    try:
        if screen:
            screen.raw()
        machine.start()
        in_time = machine.serve(source, sinks, options.timeout * PATIENCE, screen)
    finally:
        machine.stop()
        if screen:
            screen.restore()
        log.note(f"sandbox: qemu-cpu-seconds {machine.cpu_seconds:.2f}")
        log.close()
    return verdict(machine, log, in_time)


def guarded(action):
    """Runs `action` with signals and troubles turned into exit statuses."""
    _signals(_on_signal)
    try:
        return action()
    except Trouble as trouble:
        say(str(trouble))
        return EXIT_TROUBLE
    except Interrupted as interrupted:
        say("interrupted")
        return 128 + interrupted.number
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


def main(words, usage):
    if "--help" in words[:1] or "-h" in words[:1]:
        os.write(1, usage.strip().encode() + b"\n")
        return 0
    options = parser().parse_args(words)
    if not options.command:
        print(usage.strip(), file=sys.stderr)
        return EXIT_TROUBLE
    if options.tty is None:
        options.tty = os.isatty(0) and os.isatty(1)

    def action():
        if classroom.here():
            return classroom.execute(options)
        build(options)
        return execute(options)
    return guarded(action)
