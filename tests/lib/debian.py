# SPDX-License-Identifier: GPL-2.0
"""Packages of a Debian release or architecture that this machine is not: a root of
its own.

build/kernels/SUITE/ (or SUITE-i386/) has apt/ (a private configuration of apt: its lists, its
cache, sources that are derived from the machine's own mirrors) and root/, into
which packages are unpacked. Nothing is installed and no script of a package
runs; the machine's sources, lists and package states are only read.

Programs of such a root want its C library. Each is moved to NAME.elf, and a
script of its name starts it by the root's own loader: so a compiler of Debian
13 runs on Debian 12, and needs neither chroot nor privileges.
"""

import glob
import os
import re
import shutil
import stat
import subprocess

from paths import EXIT_SKIPPED, Trouble, output_of, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NAMES_OF_STABLE = ("stable", "oldstable", "oldoldstable")
LIBRARIES = "usr/lib/x86_64-linux-gnu"

WRAPPER = """#!/bin/sh
# Made by tests/lib/debian.py.
me=$(readlink -f "$0")
root=${{me%/*}}/{up}
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path \\
\t"$root/{libraries}" --argv0 "$me" "$me.elf" "$@"
"""


class Missing(Trouble):
    """The mirror does not have it: a test may say so and skip."""
    status = EXIT_SKIPPED


def codename():
    """The machine's own release of Debian, such as bookworm; or ""."""
    try:
        with open("/etc/os-release") as source:
            found = re.search(r"^VERSION_CODENAME=\"?(\w+)", source.read(),
                              re.M)
    except FileNotFoundError:
        return ""
    return found.group(1) if found else ""


def machine_sources():
    """What apt reads on this machine: [(URI, suite, component)]."""
    lines = output_of(["apt-get", "indextargets", "--format",
                       "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                       "Identifier: Packages"]).splitlines()
    return [tuple(line.split()) for line in lines if len(line.split()) == 3]


def sources_for(suite, sources, own):
    """The text of a sources.list for `suite`, with backports and security,
    from the same mirrors as `sources` of a machine whose suite is `own`."""
    signed = f" [signed-by={KEYRING}]" if os.path.exists(KEYRING) else ""
    text = []
    for uri, name, component in dict.fromkeys(sources):
        if component != "main":
            continue
        if name == own or name in NAMES_OF_STABLE:
            names = (suite, suite + "-backports")
        elif name in [f"{n}-security" for n in (own,) + NAMES_OF_STABLE]:
            names = (suite + "-security",)
        else:
            continue
        text += [f"deb{signed} {uri} {n} main\n" for n in names]
    if not text:
        raise Missing(f"apt's sources name no mirror of Debian {own}, so "
                      f"none of {suite} is known")
    return "".join(text)


class Root:
    """build/kernels/SUITE. Its user holds a lock."""

    def __init__(self, folder, suite, architecture="amd64"):
        own = suite if architecture == "amd64" else f"{suite}-{architecture}"
        self.suite = suite
        self.architecture = architecture
        self.apt = os.path.join(folder, own, "apt")
        self.path = os.path.join(folder, own, "root")

    def _apt(self, program, *words, **more):
        settings = {
            "Dir::State": self.apt + "/state",
            "Dir::State::status": self.apt + "/status",
            "Dir::Cache": self.apt + "/cache",
            "Dir::Etc::sourcelist": self.apt + "/sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": "-",
            # As root, apt would complain that its own user cannot write here.
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "no",
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Keep-Downloaded-Packages": "yes",
        }
        options = [w for s in settings.items() for w in ("-o", "=".join(s))]
        return output_of([program, "-qq"] + options + list(words), **more)

    def update(self):
        """Fetches the lists. Missing where no mirror has this suite."""
        text = sources_for(self.suite, machine_sources(), codename())
        for name in ("state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(self.apt, name), exist_ok=True)
        with open(self.apt + "/sources.list", "w") as out:
            out.write(text)
        with open(self.apt + "/status", "w"):
            pass
        say(f"apt-get update for {self.suite}")
        try:
            self._apt("apt-get", "update")
        except Trouble as trouble:
            if "does not have a Release file" in str(trouble):
                raise Missing(str(trouble)) from None
            raise

    def names(self, pattern):
        """The packages whose whole name matches, the newest last."""
        if not os.path.exists(self.apt + "/sources.list"):
            return []
        every = self._apt("apt-cache", "pkgnames").split()
        return sorted((n for n in every if re.fullmatch(pattern, n)),
                      key=lambda n: [int(p) if p.isdigit() else p
                                     for p in re.split(r"(\d+)", n)])

    def depends(self, package):
        return self._apt("apt-cache", "depends", package)

    def unpack(self, packages, whole, release="", share=False):
        """Unpacks packages, and what `whole` ones depend on. release: of the
        suite and its backports, that which these are from; share: /usr/share is
        wanted, too."""
        archives = self.apt + "/cache/archives"
        say(f"downloading {' '.join(packages + whole)} and what they need")
        if packages:
            self._apt("apt-get", "download", *packages, cwd=archives)
        target = ["-t", release] if release else []
        self._apt("apt-get", "-y", "--download-only", *target, "install", *whole)
        os.makedirs(self.path, exist_ok=True)
        for name in ("lib", "lib64", "bin", "sbin"):
            if not os.path.islink(os.path.join(self.path, name)):
                os.symlink("usr/" + name, os.path.join(self.path, name))
        for package in glob.glob(archives + "/*.deb"):
            output_of(["dpkg-deb", "-x", package, self.path])
            os.unlink(package)
        if not share:
            shutil.rmtree(self.path + "/usr/share", ignore_errors=True)
        self.wrap_programs()

    def extract(self, packages, pattern):
        """Unpacks the files of packages whose path matches, and no others."""
        archives = self.apt + "/cache/archives"
        say(f"downloading {' '.join(packages)}")
        self._apt("apt-get", "download", *packages, cwd=archives)
        os.makedirs(self.path, exist_ok=True)
        for package in glob.glob(archives + "/*.deb"):
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package],
                                  stdout=subprocess.PIPE) as files:
                output_of(["tar", "-x", "-C", self.path, "--wildcards", pattern],
                          stdin=files.stdout)
            os.unlink(package)

    def wrap_programs(self):
        """Idempotent."""
        for folder, _, files in os.walk(self.path + "/usr"):
            for name in files:
                path = os.path.join(folder, name)
                if _is_program(path):
                    self._wrap(path)

    def _wrap(self, path):
        up = os.path.relpath(self.path, os.path.dirname(path))
        os.rename(path, path + ".elf")
        with open(path, "w") as out:
            out.write(WRAPPER.format(up=up, libraries=LIBRARIES))
        os.chmod(path, 0o755)


def _is_program(path):
    """An executable ELF file that asks for an interpreter, not wrapped yet."""
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o100 or \
            path.endswith(".elf"):
        return False
    with open(path, "rb") as source:
        head = source.read(4096)
    return head.startswith(b"\x7fELF") and b"/ld-linux-x86-64.so.2\0" in head
