# SPDX-License-Identifier: GPL-2.0
"""Emulators of a later Debian than this machine's: each in a root of its own.

build/emulators/NAME/ is a root as debian.py makes them, and bin/ beside it has the
emulator under its usual name, started with the root's own library, firmware and
plugins. Whoever puts that folder first in PATH runs all tests with this emulator.
"""

import fcntl
import os
import shutil

import debian
from paths import BUILD, Trouble, write_atomically

QEMU = """#!/bin/sh
# Made by tests/lib/emulators.py.
exec '{root}/usr/bin/qemu-system-x86_64' -L '{root}/usr/share/qemu' \\
\t-L '{root}/usr/share/seabios' "$@"
"""
BOCHS = """#!/bin/sh
# Made by tests/lib/emulators.py.
export BXSHARE='{root}/usr/share/bochs'
export LTDL_LIBRARY_PATH='{root}/usr/lib/x86_64-linux-gnu/bochs/plugins'
exec '{root}/usr/bin/bochs-bin' "$@"
"""
# Name: the Debian that has it, its packages, the program, how it is started.
KNOWN = {
    "qemu-trixie": ("trixie", "", ["qemu-system-x86"], "qemu-system-x86_64", QEMU),
    "qemu-trixie-backports": ("trixie", "trixie-backports", ["qemu-system-x86"],
                              "qemu-system-x86_64", QEMU),
    "bochs-trixie": ("trixie", "", ["bochs", "bochsbios", "vgabios"], "bochs", BOCHS),
}


def get(name):
    """The folder for PATH, fetched where it is not there."""
    if name not in KNOWN:
        raise Trouble(f"no such emulator: {name} (there are {', '.join(KNOWN)})")
    suite, release, packages, program, script = KNOWN[name]
    folder = os.path.join(BUILD, "emulators", name)
    target = os.path.join(folder, "bin", program)
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(target):
            root = debian.Root(folder, suite)
            shutil.rmtree(root.path, ignore_errors=True)
            root.update()
            root.unpack([], packages, release=release, share=True)
            write_atomically(target, script.format(root=root.path).encode())
            os.chmod(target, 0o755)
    return os.path.dirname(target)
