# SPDX-License-Identifier: GPL-2.0
"""In the classroom (tests/classroom) a machine is there only to be tried: tests/sandbox/run
boots no emulated host in it, the machine itself is the host.

Nothing undoes what a broken module does to it. An oops ends it, and it starts again; so
everything is written to the disk before the module is loaded.
"""

import os
import shutil
import subprocess

from klog import KernelLog
from paths import BUILD, EXIT_KERNEL, EXIT_TIMEOUT, Trouble, say

MARK = "/etc/ringlet-classroom"
# A tree in which all is built. Make, Kbuild and the compiler's cache write down where a
# tree lies, so a lab's tree is seen at this place while something is done in it: then
# nothing is compiled but what differs. That takes seconds here in place of minutes.
BUILT = "/usr/src/ringlet"
RUNNING = "/var/lib/ringlet-classroom"
# What the options of tests/sandbox/run are when nobody says anything.
PLAIN = {"disks": [], "qemu_args": [], "program": [], "xen": None, "bare": False}


def here():
    return os.path.exists(MARK)


def copy_built(tree):
    """tree (not there yet) becomes a copy, with all times."""
    os.makedirs(os.path.dirname(tree), exist_ok=True)
    subprocess.run(["cp", "-a", BUILT, tree], check=True)


def command_at_built(tree, command):
    """The command, so that its own view of the file system has tree at BUILT, and it
    begins there."""
    return ["unshare", "--mount", "sh", "-c",
            'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"',
            "sh", tree, BUILT] + command


def _refuse(options):
    for name, plain in PLAIN.items():
        if getattr(options, name) != plain:
            raise Trouble(f"this machine is the host itself: no {name} here")
    if options.cpus > os.cpu_count():
        raise Trouble(f"this machine has {os.cpu_count()} processors, not "
                      f"{options.cpus}: end it, and start it with more (-smp)")
    if os.path.exists("/sys/module/ringlet"):
        raise Trouble("the module is still loaded, and in use by what went wrong "
                      "before: type `reboot`")


def _add(pair):
    """A link in place of a copy."""
    path, _, target = pair.rpartition(":")
    if os.path.islink(target):
        os.unlink(target)
    if not os.path.exists(path) or os.path.exists(target):
        raise Trouble(f"--add {pair}: it is not there, or something else is")
    os.symlink(os.path.abspath(path), target)


def _kernel_said(kmsg):
    """The kernel's lines since the file was opened, as its log has them."""
    log = KernelLog()
    while True:
        try:
            record = os.read(kmsg, 8192).decode(errors="replace")
        except BlockingIOError:
            return log
        except BrokenPipeError:         # some were overwritten
            continue
        log.feed(record.partition(";")[2].partition("\n")[0].encode() + b"\n")


def execute(options):
    """Runs the command; its exit status, or one of tests/sandbox/run."""
    if os.path.exists(RUNNING):
        say("the last run here ended this machine; its last words were on the console")
        os.unlink(RUNNING)
    _refuse(options)
    release = os.uname().release
    shutil.copyfile(os.path.join(BUILD, "module/ringlet.ko"),
                    f"/lib/modules/{release}/updates/ringlet.ko")
    for pair in options.add:
        _add(pair)
    with open(RUNNING, "w", encoding="utf-8") as mark:
        mark.write(" ".join(options.command) + "\n")
    os.sync()
    kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(kmsg, 0, os.SEEK_END)
    try:
        status = subprocess.run(options.command, timeout=10 * options.timeout,
                                check=False).returncode
    except subprocess.TimeoutExpired:
        say("the time is over")
        status = EXIT_TIMEOUT
    # What a command that failed left behind; a module in use is told of next time.
    for module in ("injector", "ringlet"):
        subprocess.run(["rmmod", module], stderr=subprocess.DEVNULL, check=False)
    log = _kernel_said(kmsg)
    os.close(kmsg)
    os.unlink(RUNNING)
    if log.first is None:
        return status
    say("the kernel complained:")
    for line in log.report():
        print("  | " + line, flush=True)
    return EXIT_KERNEL
