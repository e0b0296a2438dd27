# SPDX-License-Identifier: GPL-2.0
"""A 32-bit kernel without a hypervisor: that kernel in QEMU itself.

Its programs are those of the guest (tests/lib/initramfs.py), its devices are the
console alone, and the processor is the one that the guest's host has. What a 32-bit
guest does otherwise than this is ringlet's doing.
"""

import re
import subprocess
import tempfile

import initramfs
import kernels
from cpio import Archive
from paths import Trouble, output_of

FLAVOUR = "686-pae"
TOKEN = "native"
PATIENCE = 1500         # s
# As many nanoseconds as instructions, and no waiting where nothing is to be done.
ICOUNT = ("-icount", "shift=0,sleep=off")


def compiler():
    """The machine's own, and Debian's 32-bit libraries."""
    root, gcc = kernels.libraries_of(FLAVOUR)
    libraries = f"{root}/usr/lib/i386-linux-gnu"
    return (["gcc", "-m32", f"--sysroot={root}", "-isystem",
             f"{root}/usr/include/i386-linux-gnu"] +
            [f"-{what}{path}" for what in "BL" for path in (gcc, libraries)])


def build(target, sources):
    """A static 32-bit program."""
    output_of(compiler() + ["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", target] +
              sources)


def console(words, add, cpu="max", arguments=()):
    """What the console has, from first to last, when the shell's command `words` has run
    there with the folder `add` at /add, or the time was over."""
    archive = Archive()
    archive.data("command", (words + "\n").encode())
    archive.data("token", TOKEN.encode())
    archive.tree("add", add)
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write(initramfs.guest_initrd(kernels.busybox_of(FLAVOUR)) +
                     archive.bytes())
        initrd.flush()
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-m", "512",
            "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            *arguments, "-kernel", kernels.vmlinuz_of(kernels.get(FLAVOUR)),
            "-initrd", initrd.name,
            "-append", "console=ttyS0 quiet panic=-1 pti=off"]
        try:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=PATIENCE, check=False).stdout
        except subprocess.TimeoutExpired as late:
            return late.output or b""


def said(console_text):
    """(The command's output, its status); the status is None where it did not end."""
    text = console_text.decode(errors="replace")
    found = re.search(rf"<{TOKEN} begin>\n(.*?)(?:<{TOKEN} end (\d+) \d+>|\Z)", text, re.S)
    if not found:
        raise Trouble(f"the 32-bit kernel on QEMU itself said:\n{text[-2000:]}")
    return found.group(1), int(found.group(2)) if found.group(2) else None


def run(command, add, cpu, log):
    """Standard output of the shell's command, counted (ICOUNT)."""
    text = console(command, add, cpu, ICOUNT)
    with open(log, "wb") as out:
        out.write(text)
    output, status = said(text)
    if status != 0:
        raise Trouble(f"on the 32-bit kernel on QEMU itself: {status}\n{output[-2000:]}")
    return output
