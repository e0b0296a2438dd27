# SPDX-License-Identifier: GPL-2.0
"""Writes initramfs archives (cpio, format "newc") without root and without
the cpio program: device nodes and owners are only numbers in a header.

The kernel unpacks archives that are simply put one behind the other, as long
as each starts at a multiple of 4 bytes. So what changes with each run is a
small archive of its own, and the big ones stay cached.
"""

import os
import stat


class Archive:
    """Collects entries; bytes() gives the finished archive."""

    def __init__(self):
        self.parts = []
        self.inode = 0
        self.known = set()

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        if name in self.known:
            return
        self.known.add(name)
        self._parents(name)
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0,
                  device[0], device[1], len(name.encode()) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % f for f in fields)
        head += name.encode() + b"\0"
        self.parts += [head, b"\0" * (-len(head) % 4),
                       data, b"\0" * (-len(data) % 4)]

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent:
            self.folder(parent)

    def folder(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def data(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, major, minor, mode=0o600):
        self._entry(name, stat.S_IFCHR | mode, b"", (major, minor))

    def file(self, name, path):
        """Puts one file of this machine into the archive, links followed."""
        with open(path, "rb") as source:
            mode = os.fstat(source.fileno()).st_mode & 0o777
            self.data(name, source.read(), mode)

    def tree(self, name, path):
        """Puts a file, or a folder with all below it, into the archive."""
        if not os.path.isdir(path):
            self.file(name, path)
            return
        self.folder(name)
        for entry in sorted(os.listdir(path)):
            inner, target = os.path.join(path, entry), os.path.join(name, entry)
            if os.path.islink(inner):
                self.link(target, os.readlink(inner))
            elif os.path.isdir(inner) or os.path.isfile(inner):
                self.tree(target, inner)

    def bytes(self):
        self._entry_trailer()
        data = b"".join(self.parts)
        return data + b"\0" * (-len(data) % 512)

    def _entry_trailer(self):
        self.known.discard("TRAILER!!!")
        self._entry("TRAILER!!!", 0)
