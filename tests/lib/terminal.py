# SPDX-License-Identifier: GPL-2.0
"""The user's terminal during an interactive run: raw, and restored after."""

import os
import termios
import tty

ESCAPE = b"\x1d"        # Ctrl-]
ESCAPE_TIMES = 3


class Terminal:
    def __init__(self):
        self.saved = None
        self.escapes = 0

    def raw(self):
        if os.isatty(0):
            self.saved = termios.tcgetattr(0)
            tty.setraw(0)

    def restore(self):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)
            self.saved = None

    @staticmethod
    def size():
        """Rows and columns, where they are known."""
        try:
            size = os.get_terminal_size(0)
        except OSError:
            return None
        return (size.lines, size.columns) if size.lines else None

    def wants_out(self, data):
        """True when the escape key came three times in a row."""
        for byte in data:
            self.escapes = self.escapes + 1 if bytes([byte]) == ESCAPE else 0
            if self.escapes == ESCAPE_TIMES:
                return True
        return False
