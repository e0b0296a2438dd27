# SPDX-License-Identifier: GPL-2.0
"""The bench on a 32-bit kernel without a hypervisor: that kernel in QEMU itself.

Its programs are those of the guest (tests/lib/initramfs.py), its devices are the
console alone, and the processor is the one that the guest's host has.
"""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "lib"))
sys.dont_write_bytecode = True

import initramfs  # noqa: E402
import kernels  # noqa: E402
from cpio import Archive  # noqa: E402
from paths import Trouble, output_of  # noqa: E402

FLAVOUR = "686-pae"
TOKEN = "native"
PATIENCE = 1500         # s


def build(target, sources):
    """A static 32-bit program, by the machine's compiler and Debian's libraries."""
    root, gcc = kernels.libraries_of(FLAVOUR)
    libraries = f"{root}/usr/lib/i386-linux-gnu"
    output_of(["gcc", "-m32", f"--sysroot={root}", "-isystem",
               f"{root}/usr/include/i386-linux-gnu"] +
              [f"-{what}{path}" for what in "BL" for path in (gcc, libraries)] +
              ["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", target] +
              sources)


def run(command, program, cpu, log):
    """Standard output of the shell's command, with the program at /add/bench."""
    archive = Archive()
    archive.data("command", (command + "\n").encode())
    archive.data("token", TOKEN.encode())
    archive.file("add/bench", program)
    with tempfile.NamedTemporaryFile() as initrd:
        initrd.write(initramfs.guest_initrd(kernels.busybox_of(FLAVOUR)) +
                     archive.bytes())
        initrd.flush()
        done = subprocess.run(
            ["qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-m", "512",
             "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
             "-icount", "shift=0,sleep=off", "-kernel",
             kernels.vmlinuz_of(kernels.get(FLAVOUR)), "-initrd", initrd.name,
             "-append", "console=ttyS0 quiet panic=-1 pti=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    with open(log, "wb") as out:
        out.write(done.stdout)
    text = done.stdout.decode(errors="replace")
    found = re.search(rf"<{TOKEN} begin>\n(.*)<{TOKEN} end 0 \d+>", text, re.S)
    if not found:
        raise Trouble(f"the 32-bit kernel on QEMU itself said:\n{text[-2000:]}")
    return found.group(1)
