# SPDX-License-Identifier: GPL-2.0
"""A copy of this tree, and edits of it: for mutants and labs.

Edits are text: one or more files, without line numbers:

    --- host_module/gate.c
     a line that stays
    -a line that goes
    +a line that comes

The lines that stay or go must be found together at exactly one place of the file;
blanks count for nothing. A line `...` of its own divides two such places.
"""

import glob
import os
import shutil
import subprocess


class Trouble(Exception):
    """Edits that are none, or do not fit the tree."""


def plain(line):
    return " ".join(line.split())


class Edits:
    def __init__(self, name, lines):
        """lines: from the first `--- file` on."""
        self.name = name
        self.places = []        # (file, [lines of one place])
        file = None
        for line in lines:
            if line.startswith("--- "):
                file = line[4:].strip()
                self.places.append((file, []))
            elif file and line == "...":
                self.places.append((file, []))
            elif file and line[:1] in (" ", "-", "+"):
                self.places[-1][1].append(line)
            else:
                raise Trouble(f"{self.name}: what is `{line}`?")
        if not self.places:
            raise Trouble(f"{self.name}: it changes nothing")

    def apply(self, top):
        """The changed files: {name: text}."""
        texts = {}
        for name, lines in self.places:
            path = os.path.join(top, name)
            if name not in texts and not os.path.exists(path):
                raise Trouble(f"{self.name}: there is no {name}")
            if name not in texts:
                with open(path) as source:
                    texts[name] = source.read().split("\n")
            texts[name] = self._place(name, texts[name], lines)
        return {name: "\n".join(text) for name, text in texts.items()}

    def _place(self, name, text, lines):
        old = [plain(line[1:]) for line in lines if line[0] != "+"]
        flat = [plain(line) for line in text]
        at = [i for i in range(len(flat) - len(old) + 1)
              if flat[i:i + len(old)] == old]
        if len(at) != 1:
            raise Trouble(
                f"{self.name}: `{old[0]}`... is at {len(at)} places of {name}, "
                "not 1: the code has moved on, mend it")
        new, i = [], at[0]
        for line in lines:
            if line[0] == "+":
                new.append(line[1:])
                continue
            if line[0] == " ":
                new.append(text[i])
            i += 1
        return text[:at[0]] + new + text[at[0] + len(old):]


def copy_tree(repo, built, tree):
    """The copy is what is here now, with what it has built so far."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=repo, check=True,
        stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for name in names:
        source, target = os.path.join(repo, name), os.path.join(tree, name)
        if not os.path.exists(source):
            continue
        with open(source, "rb") as file:
            write(target, file.read())
        shutil.copymode(source, target)
    build = os.path.join(tree, "build")
    os.makedirs(build + "/sandbox", exist_ok=True)
    for path in [built + "/kernels"] + glob.glob(built + "/sandbox/vmlinux-*"):
        link = os.path.join(build, os.path.relpath(path, built))
        if os.path.exists(path) and not os.path.lexists(link):
            os.symlink(path, link)


def write(path, data):
    """An unchanged file keeps its time, so that make has nothing to do."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == data:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
