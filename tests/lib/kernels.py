# SPDX-License-Identifier: GPL-2.0
"""Fetches Debian's kernel packages and unpacks them under build/kernels/.

Nothing is installed into /boot. The release is never written down here: it is
what linux-image-FLAVOUR depends on today. The headers (needed to build the
module and test modules) are installed by apt, because their
symbolic links expect /usr/src and /usr/lib.

A series such as 6.12 is the newest kernel of it in the Debian release that has
it. Where that is not the machine's, everything, the headers and their compiler
too, is unpacked into a root of its own (debian.py).
"""

import fcntl
import glob
import lzma
import os
import re
import shutil
import struct
import subprocess

import debian
from paths import BUILD, Trouble, output_of, say, write_atomically

FLAVOURS = ("amd64", "cloud-amd64", "rt-amd64")
# Where Debian has a series: in a suite or in its backports.
SERIES = {"6.1": "bookworm", "6.12": "trixie", "7.3": "trixie"}
# Of these, what linux-image-amd64 of that Debian is not.
BACKPORTS = ("7.3",)
# Those that are only ever guests: nothing but the image is fetched.
IMAGES = {"6.16": "trixie", "6.17": "trixie", "6.18": "trixie", "6.19": "trixie",
          "7.0": "trixie", "7.1": "trixie", "7.2": "trixie"}
# 32-bit kernels, of the machine's own Debian release: images alone, too.
I386 = {"686-pae": "i386"}
# What `make check-kernels` tries: each host with each guest. The first guest is the
# one that all other tests use.
HOSTS = tuple(SERIES)
GUESTS = tuple(SERIES)
# The emulated host's, where nobody says another one.
DEFAULT = os.environ.get("RINGLET_HOST_KERNEL") or "amd64"
# The guest's.
GUEST_DEFAULT = os.environ.get("RINGLET_GUEST_KERNEL") or "amd64"
FOLDER = os.path.join(BUILD, "kernels")


def _root():
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo"]
    raise Trouble("neither root nor sudo: install the packages by hand")


def _may_install():
    return os.environ.get("DEPS") != "no"


def _root_of(release):
    """The root that has this release, or None: it is the machine's own."""
    roots = [debian.Root(FOLDER, suite)
             for suite in sorted(set(SERIES.values()) | set(IMAGES.values()))]
    roots += [debian.Root(FOLDER, debian.codename(), a)
              for a in sorted(set(I386.values()))]
    for root in roots:
        if os.path.exists(f"{root.path}/boot/vmlinuz-{release}"):
            return root
    return None


def headers_of(release):
    root = _root_of(release)
    return f"{root.path if root else ''}/usr/src/linux-headers-{release}"


def tools_of(release):
    """The folder of the compiler that these headers want; "": the machine's."""
    root = _root_of(release)
    return root.path + "/usr/bin" if root else ""


def module_folder(release):
    """Where ringlet.ko is built for a host of this release."""
    return os.path.join(BUILD, "module-" + release if _root_of(release)
                        else "module")


def _has_headers(release):
    return os.path.exists(headers_of(release) + "/Makefile")


def _offered(flavour):
    """The release that apt's lists give for a flavour, or None."""
    done = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", f"linux-image-{flavour}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        check=False)
    found = re.search(rf"^Depends:.*\blinux-image-(\S+-{flavour})\b",
                      done.stdout, re.M)
    return found.group(1) if found else None


def _update():
    say("apt-get update")
    output_of(_root() + ["apt-get", "-qq", "update"])


def _install_headers(release):
    say(f"installing linux-headers-{release}")
    output_of(_root() + ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get",
                         # A machine may be updating itself just now.
                         "-o", "DPkg::Lock::Timeout=600", "-qq", "-y",
                         "--no-install-recommends", "install",
                         f"linux-headers-{release}"])


def _download(release):
    """Unpacks the image package of a release; leaves no .deb behind."""
    target = os.path.join(FOLDER, release)
    work = f"{target}.{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    say(f"downloading linux-image-{release}")
    try:
        # As root, apt would complain that its own user cannot write here.
        output_of(["apt-get", "-qq", "-o", "APT::Sandbox::User=root",
                   "download", f"linux-image-{release}"], cwd=work)
        package = glob.glob(os.path.join(work, "*.deb"))[0]
        output_of(["dpkg-deb", "-x", package, work])
        os.unlink(package)
        shutil.rmtree(os.path.join(work, "usr/share"), ignore_errors=True)
        # Since Debian 13 a package's modules are in /usr/lib.
        if not os.path.exists(work + "/lib"):
            os.symlink("usr/lib", work + "/lib")
        shutil.rmtree(target, ignore_errors=True)
        os.rename(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch(flavour):
    release = _offered(flavour)
    if release is None and _may_install():
        _update()
        release = _offered(flavour)
    if release is None:
        raise Trouble(f"apt knows no linux-image-{flavour}: run `apt-get "
                      "update` and look at /etc/apt/sources.list")
    for attempt in (1, 2):
        try:
            if not os.path.exists(vmlinuz_of(release)):
                _download(release)
            if not _has_headers(release):
                if not _may_install():
                    raise Trouble(f"linux-headers-{release} is missing and "
                                  "DEPS=no forbids to install it")
                _install_headers(release)
            return release
        except Trouble:
            # Old lists name packages that are gone from the mirror.
            if attempt == 2 or not _may_install():
                raise
            _update()
            release = _offered(flavour) or release
    return release


def _series_in(root, series):
    """The newest release of a series that the lists of a root have."""
    names = root.names(rf"linux-image-{re.escape(series)}\.[\d.+a-z]*-amd64")
    return names[-1].removeprefix("linux-image-") if names else None


def _free_from_its_place(makefile):
    """Debian's Makefile of headers names /usr/src; in a root it is elsewhere."""
    with open(makefile) as source:
        text = source.read().replace("/usr/src/", "$(HEADERS_ROOT)")
    with open(makefile, "w") as out:
        out.write("HEADERS_ROOT := $(dir $(abspath $(dir "
                  "$(lastword $(MAKEFILE_LIST)))))\n" + text)


def _find_series(series, suite):
    """The root that packages of the suite are unpacked in, and the release there."""
    root = debian.Root(FOLDER, suite)
    root.update()
    release = _series_in(root, series)
    if release is None:
        raise debian.Missing(f"the mirror has no kernel {series} for "
                             f"{root.suite}")
    return root, release


def _fetch_series(series):
    """Unpacks a kernel, its headers, their tools and their compiler."""
    root, release = _find_series(series, SERIES[series])
    headers = root.depends("linux-headers-" + release)
    common = re.search(r"linux-headers-\S+-common", headers).group()
    # Newer packages have an image's parts apart.
    wanted = ["linux-headers-" + release, common]
    wanted += root.names(r"linux-(image|binary|modules|base)-" +
                         re.escape(release))
    tools = [re.search(pattern, headers).group()
             for pattern in (r"linux-kbuild-\S+", r"gcc-\d+\b")]
    root.unpack(wanted, tools)
    _free_from_its_place(f"{root.path}/usr/src/linux-headers-{release}/Makefile")
    _link_moved(root, release)
    return release


def _link_moved(root, release):
    """Newer packages have the kernel beside its modules."""
    moved = f"usr/lib/modules/{release}/vmlinuz"
    if os.path.exists(os.path.join(root.path, moved)):
        os.makedirs(root.path + "/boot", exist_ok=True)
        link = f"{root.path}/boot/vmlinuz-{release}"
        if not os.path.islink(link):
            os.symlink("../" + moved, link)


def _fetch_image(series):
    """Unpacks a kernel's image alone, to be a guest."""
    root, release = _find_series(series, IMAGES[series])
    # Newer packages have an image's parts apart.
    wanted = root.names(r"linux-binary-" + re.escape(release)) or \
        ["linux-image-" + release]
    root.extract(wanted, "*/vmlinuz*")
    _link_moved(root, release)
    return release


def _fetch_foreign(flavour):
    """Unpacks a kernel of another architecture: its image and its modules."""
    root = debian.Root(FOLDER, debian.codename(), I386[flavour])
    try:
        root.update()
    except Trouble as trouble:
        # One list out of step with its signature costs the kernels of that list.
        say(f"{trouble}; what the other lists have must do")
    package = re.search(rf"linux-image-\S+-{re.escape(flavour)}\b",
                        root.depends(f"linux-image-{flavour}"))
    if package is None:
        raise debian.Missing(f"the mirror has no linux-image-{flavour} of "
                             f"{I386[flavour]}")
    root.extract([package.group()], "./[bl]*")
    return package.group().removeprefix("linux-image-")


def busybox_of(flavour):
    """busybox for guests with this kernel; None: the machine's own does."""
    if flavour not in I386:
        return None
    root = debian.Root(FOLDER, debian.codename(), I386[flavour])
    path = os.path.join(root.path, "bin/busybox")
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            root.extract(["busybox-static"], "./bin/busybox")
    return path


def libraries_of(flavour):
    """(root, folder of gcc's own): what `gcc -m32` lacks on this machine to build
    programs for guests with this kernel."""
    get(flavour)        # with the lists
    root = debian.Root(FOLDER, debian.codename(), I386[flavour])
    pattern = os.path.join(root.path, "usr/lib/gcc/*/*/libgcc.a")
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not glob.glob(pattern):
            libgcc = re.search(r"libgcc-\d+-dev\b",
                               root.depends(root.names(r"gcc-\d+")[-1]))
            root.extract(["libc6-dev", "linux-libc-dev", libgcc.group()], "./usr/*")
    return root.path, os.path.dirname(glob.glob(pattern)[0])


def console_of(flavour):
    """The device that a guest with this kernel has its console at."""
    return "ttyS0" if flavour in I386 else "hvc0"


def folder_of(release):
    root = _root_of(release)
    return root.path if root else os.path.join(FOLDER, release)


def vmlinuz_of(release):
    return os.path.join(folder_of(release), "boot", f"vmlinuz-{release}")


def _payload(image):
    """The compressed kernel in a bzImage (boot protocol 2.08 and later)."""
    setup_sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    return image[start:start + length]


def vmlinux(release):
    """The unpacked kernel as an ELF file, which QEMU starts by its PVH entry:
    the same code without the decompressor, hence also without KASLR."""
    target = os.path.join(BUILD, "sandbox", f"vmlinux-{release}")
    if not os.path.exists(target):
        with open(vmlinuz_of(release), "rb") as source:
            data = _payload(source.read())
        if data.startswith(b"\xfd7zXZ"):
            data = lzma.LZMADecompressor().decompress(data)
        elif data.startswith(b"\x28\xb5\x2f\xfd"):
            data = subprocess.run(["zstd", "-dcq"], input=data[:-4],
                                  stdout=subprocess.PIPE, check=True).stdout
        else:
            raise Trouble(f"--fast cannot unpack the kernel {release}")
        write_atomically(target, data)
    return target


def get(flavour="amd64"):
    """Returns the release of a flavour or a series, fetched where it is not
    there."""
    known = FLAVOURS + tuple(SERIES) + tuple(IMAGES) + tuple(I386)
    if flavour not in known:
        raise Trouble(f"no such kernel: {flavour} (there are "
                      f"{', '.join(known)})")
    fetch = _fetch
    if SERIES.get(flavour) == debian.codename() and flavour not in BACKPORTS:
        flavour = "amd64"
    elif flavour in SERIES:
        fetch = _fetch_series
    elif flavour in IMAGES:
        fetch = _fetch_image
    elif flavour in I386:
        fetch = _fetch_foreign
    os.makedirs(FOLDER, exist_ok=True)
    stamp = os.path.join(FOLDER, f"{flavour}.release")
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(stamp):
            with open(stamp) as source:
                release = source.read().strip()
            if os.path.exists(vmlinuz_of(release)) and \
                    (flavour in IMAGES or flavour in I386 or _has_headers(release)):
                return release
        release = fetch(flavour)
        with open(stamp, "w") as out:
            out.write(release + "\n")
    return release
