# SPDX-License-Identifier: GPL-2.0
"""Reads the emulated host's kernel log and knows when it complains."""

import re

# Each of these makes a run fail. What a user program or a guest says about
# itself never matches: it does not reach the host's kernel log, or it has no
# "[#n]" and no "CPU:".
COMPLAINTS = re.compile("|".join((
    r"\[#\d+\]",                                # every oops
    r"\bBUG: ",
    r"kernel BUG at",
    r"WARNING: (CPU: |possible |suspicious |inconsistent |bad |held )",
    r"INFO: (possible |suspicious |inconsistent |bad |task \S+ blocked)",
    r"rcu: INFO: .* (stall|self-detected)",
    r"rcu_\w+ (self-)?detected (expedited )?stall",
    r"(soft|hard) lockup",
    r"Kernel panic",
    r"DEBUG_LOCKS_WARN_ON",
    r"Bad page (state|map)",
    # page_poison and slub_debug
    r"pagealloc: (memory corruption|single bit error)",
    r"\bBUG [\w-]+.* \((Not tainted|Tainted: .*)\): ",
    r"scheduling while atomic",
    r"refcount_t: ",
    r"Uhhuh\. NMI received",
    r"ODEBUG: ",
    r"list_(add|del) corruption",
    r"Internal error|double fault:",
    r"perf: interrupt took too long .* lockdep",
)))

TAIL_LINES = 70


class KernelLog:
    """Collects what arrives on the serial port, line by line."""

    def __init__(self, path=None):
        self.out = open(path, "wb") if path else None
        self.lines = []
        self.rest = b""
        self.first = None       # index of the first complaint

    def feed(self, data):
        if self.out:
            self.out.write(data)
            self.out.flush()
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def _line(self, raw):
        text = raw.decode(errors="replace").rstrip("\r")
        self.lines.append(text)
        if self.first is None and COMPLAINTS.search(text):
            self.first = len(self.lines) - 1

    def note(self, text):
        """A line of the sandbox itself."""
        if self.out:
            self.out.write((text + "\n").encode())

    def close(self):
        if self.rest:
            self._line(self.rest)
            self.rest = b""
        if self.out:
            self.out.close()

    def report(self):
        """What a reader wants to see when something is wrong."""
        if self.first is None:
            return self.lines[-TAIL_LINES // 2:]
        start = max(0, self.first - 5)
        return self.lines[start:start + TAIL_LINES]
