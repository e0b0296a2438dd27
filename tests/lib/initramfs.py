# SPDX-License-Identifier: GPL-2.0
"""The parts of the emulated host's initramfs, cached under build/sandbox/.

    base      busybox, /init, Debian's modules for the virtio transport
    product   ringlet.ko, the launcher and its libraries, the modules' index
    guest     /guest: the stock kernel, an initrd, the prepared kernel
    (run)     the command and what --add names: made for each run, by `run`

A part is rebuilt when one of its inputs is newer or another one.
"""

import fcntl
import glob
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile

import kernels
from cpio import Archive
from paths import BUILD, SANDBOX, Trouble, output_of, say, write_atomically

LAUNCHER = os.path.join(BUILD, "ringlet")
GUEST_INIT = os.path.join(SANDBOX, "guest_init")
CACHE = os.path.join(BUILD, "sandbox")

# What the sandbox itself needs, and what tests of guests with disks and
# networks ask for. Their dependencies are found by modinfo.
MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "virtio_net", "tun")


def busybox():
    path = shutil.which("busybox") or "/bin/busybox"
    if not os.path.exists(path):
        raise Trouble("busybox is missing: run `make deps`")
    return path


def add_busybox(archive, program=None):
    """busybox, or another one in its place, and the names of all its programs."""
    archive.file("bin/busybox", program or busybox())
    for path in output_of([busybox(), "--list-full"]).split():
        archive.link(path, "/bin/busybox")
    for folder in ("proc", "sys", "dev", "tmp", "run", "root", "etc"):
        archive.folder(folder)
    archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                 b"user:x:1000:1000:a user:/tmp:/bin/sh\n")
    archive.data("etc/group", b"root:x:0:\nuser:x:1000:\n")


def libraries_of(program):
    """The shared libraries of a program, as ldd finds them: [(name, path)]."""
    done = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        return []       # a static program or a script
    if "not found" in done.stdout:
        raise Trouble(f"{program} lacks libraries:\n{done.stdout}")
    return re.findall(r"(/\S+) \(0x", done.stdout)


def add_program(archive, target, program):
    archive.file(target, program)
    for path in libraries_of(program):
        archive.file(path, path)


def _cached(name, inputs, make):
    """The cached archive `name`, made anew when its inputs changed."""
    sign = hashlib.sha256()
    for path in sorted(inputs):
        info = os.stat(path)
        sign.update(f"{path} {info.st_size} {info.st_mtime_ns}\n".encode())
    for path in (__file__, os.path.join(os.path.dirname(__file__), "cpio.py")):
        with open(path, "rb") as source:
            sign.update(source.read())
    target = os.path.join(CACHE, f"{name}-{sign.hexdigest()[:16]}.cpio")
    if not os.path.exists(target):
        data = make()
        if isinstance(data, tuple):     # (archive, is it complete?)
            data, complete = data
            if not complete:
                return data
        for old in glob.glob(os.path.join(CACHE, f"{name}-*.cpio")):
            _forget(old)
        write_atomically(target, data)
    with open(target, "rb") as source:
        return source.read()


def _forget(path):
    """Removes an old archive; a parallel run may have been faster."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _module_files(release):
    """Name (with underscores) -> file, for every module of the package."""
    tree = os.path.join(kernels.folder_of(release), "lib/modules", release)
    return {os.path.basename(path).split(".ko")[0].replace("-", "_"): path
            for path in glob.glob(tree + "/kernel/**/*.ko*", recursive=True)}


def _module_data(path):
    with open(path, "rb") as source:
        data = source.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def host_modules(release):
    """MODULES and all they depend on: [file]."""
    files, chosen, todo = _module_files(release), {}, list(MODULES)
    while todo:
        name = todo.pop().replace("-", "_")
        if name in chosen or name not in files:
            continue    # built into this kernel
        chosen[name] = files[name]
        depends = output_of(["modinfo", "-F", "depends", files[name]])
        todo += [word for word in depends.strip().split(",") if word]
    return sorted(chosen.values())


def module_of(release):
    """ringlet.ko for a host of this release, whether it is built or not."""
    return os.path.join(kernels.module_folder(release), "ringlet.ko")


def base(release):
    init = os.path.join(SANDBOX, "host_init")
    modules = host_modules(release)

    def make():
        archive = Archive()
        add_busybox(archive)
        archive.folder("lib/modules/" + release)
        archive.file("init", init)
        for path in modules:
            name = os.path.basename(path).removesuffix(".xz")
            archive.data(f"lib/modules/{release}/kernel/{name}",
                         _module_data(path))
        return archive.bytes()

    return _cached(f"base-{release}", modules + [init, busybox()], make)


def _module_index(archive, release, modules, product):
    """modules.dep and its kin, as depmod makes them for what is aboard."""
    with tempfile.TemporaryDirectory() as work:
        tree = os.path.join(work, "lib/modules", release)
        os.makedirs(tree + "/kernel")
        os.makedirs(tree + "/extra")
        for path in modules:
            name = os.path.basename(path).removesuffix(".xz")
            with open(f"{tree}/kernel/{name}", "wb") as out:
                out.write(_module_data(path))
        for path in product:
            shutil.copy(path, tree + "/extra")
        source = os.path.join(kernels.folder_of(release), "lib/modules",
                              release)
        for name in ("modules.order", "modules.builtin"):
            shutil.copy(os.path.join(source, name), tree)
        output_of(["depmod", "-b", work, release])
        for name in ("modules.dep", "modules.alias", "modules.symbols",
                     "modules.builtin"):
            archive.file(f"lib/modules/{release}/{name}",
                         os.path.join(tree, name))


def product(release, bare=False):
    """What this project builds. Whatever is not built yet is left out."""
    module = module_of(release)
    wanted = () if bare else (module, LAUNCHER)
    there = [path for path in wanted if os.path.exists(path)]
    for path in wanted:
        if path not in there:
            say(f"{os.path.relpath(path)} is not built: left out")

    def make():
        archive = Archive()
        if module in there:
            archive.file(f"lib/modules/{release}/extra/ringlet.ko", module)
        _module_index(archive, release, host_modules(release),
                      [module] if module in there else [])
        if LAUNCHER in there:
            add_program(archive, "usr/bin/ringlet", LAUNCHER)
        return archive.bytes()

    name = ("bare-" if bare else "product-") + release
    return _cached(name, there + host_modules(release), make)


def require_product(host):
    """Trouble unless module and launcher are built. host: its kernel."""
    for path in (module_of(kernels.get(host)), LAUNCHER):
        if not os.path.exists(path):
            raise Trouble(f"{os.path.relpath(path)} is not built: run `make "
                          f"build FOR=sandbox RINGLET_HOST_KERNEL={host}`")


def guest_initrd(program=None):
    """A small guest system: busybox (program) and an /init that runs /command.

    Ends at a multiple of 4 bytes, so that more archives can follow."""
    archive = Archive()
    add_busybox(archive, program)
    archive.file("init", GUEST_INIT)
    packed = gzip.compress(archive.bytes(), mtime=0)
    return packed + b"\0" * (-len(packed) % 4)


def _prepare(release, cache):
    """Lets `ringlet prepare` fill the cache; None or why it could not."""
    shutil.rmtree(cache, ignore_errors=True)
    if not os.path.exists(LAUNCHER):
        return "the launcher is not built"
    # Nothing but the image is looked at, and no other program is run.
    done = subprocess.run(
        [LAUNCHER, "prepare", "--cache", cache, kernels.vmlinuz_of(release)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PATH": "/nonexistent"}, check=False)
    return done.stdout.strip() if done.returncode else None


def guest(flavour, needed):
    """/guest and the prepared kernel for `ringlet run`.

    needed: it is an error when the kernel cannot be prepared."""
    release = kernels.get(flavour)
    vmlinuz = kernels.vmlinuz_of(release)
    cache = os.path.join(BUILD, "cache", flavour)
    program = kernels.busybox_of(flavour)
    files = [vmlinuz, program or busybox(), GUEST_INIT]
    built = [LAUNCHER] + [os.path.join(os.path.dirname(LAUNCHER), name)
                          for name in ("layer.elf", "shim.elf")]
    files += [path for path in built if os.path.exists(path)]

    def make():
        archive = Archive()
        archive.file("guest/vmlinuz", vmlinuz)
        archive.data("guest/initrd.gz", guest_initrd(program))
        trouble = _prepare(release, cache)
        if trouble and needed:
            raise Trouble(f"cannot prepare the guest's kernel: {trouble}")
        if trouble:
            say(f"no prepared kernel aboard: {trouble}")
            return archive.bytes(), False
        archive.tree("root/.cache/ringlet", cache)
        return archive.bytes(), True

    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, f"guest-{flavour}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _cached(f"guest-{flavour}", files, make)
