# SPDX-License-Identifier: GPL-2.0
"""Runs a program on a terminal of its own and talks with it."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

ROWS, COLUMNS = 33, 101
QUIET = 0.5             # seconds of silence before the next line is typed


def _start(command, master, slave):
    child = os.fork()
    if child:
        return child
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.execvp(command[0], command)
    return None


def talk(command, steps, timeout, want):
    """steps: [(what must be seen, what is then typed)]. Returns 0 when all
    was seen, the program ended with `want` and restored the terminal. timeout:
    seconds without a sign of life."""
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ,
                struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    before = termios.tcgetattr(slave)
    child = _start(command, master, slave)
    steps, seen, all_seen, ended = list(steps), b"", b"", None
    timeout *= float(os.environ.get("RINGLET_PATIENCE", "1"))
    deadline = time.monotonic() + timeout
    while ended is None and time.monotonic() < deadline:
        if select.select([master], [], [], QUIET)[0]:
            data = os.read(master, 4096)
            seen, all_seen = seen + data, all_seen + data
            deadline = time.monotonic() + timeout
        elif steps and steps[0][0] in seen:
            seen, typed = b"", steps.pop(0)[1]
            os.write(master, typed)
        pid, status = os.waitpid(child, os.WNOHANG)
        ended = os.waitstatus_to_exitcode(status) if pid else None
    print(all_seen.decode(errors="replace"))
    if ended is None:
        os.kill(child, signal.SIGTERM)
        print(f"nothing heard for {timeout:g} s; waiting for {steps[:1]}")
        return 1
    if ended != want or steps:
        print(f"ended with {ended}, not {want}; not seen: {steps[:1]}")
        return 1
    if termios.tcgetattr(slave) != before:
        print("the terminal was not restored")
        return 1
    return 0
