# SPDX-License-Identifier: GPL-2.0
"""The Debian root for guests with a disk, cached under build/rootfs/.

One folder for each recipe (tests/disk/root/ and the kernel's release):

    root.img        ext4, a sparse file; nobody writes to it (see DISK below)
    initrd.img      what initramfs-tools made inside that root
    vmlinuz         the kernel that Debian installed there

mmdebstrap fetches the packages and needs neither root nor a loop device: the
image is filled by `mke2fs -d`.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

import debian
import kernels
from paths import BUILD, REPO, Trouble, say

RECIPE = os.path.join(REPO, "tests", "disk", "root")
CACHE = os.path.join(BUILD, "rootfs")
WITH_I386 = os.path.join(REPO, "tests", "tools", "with-i386")
FILES = ("root.img", "initrd.img", "vmlinuz")

# Not needed to run, and a third of the size.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*",
            "/usr/share/info/*", "/usr/share/lintian/*")


def _packages(release, suite, recipe):
    # apt takes from backports what is asked for by name, and not what that needs.
    more = [f"linux-base/{suite}-backports" for series in kernels.BACKPORTS
            if release.startswith(series + ".")]
    with open(os.path.join(recipe, "packages")) as source:
        words = [line.split("#")[0].strip() for line in source]
    return [word.replace("RELEASE", release) for word in words if word] + \
        more + [f"linux-image-{release}"]


def suite_of(flavour):
    """The Debian that has this kernel: of a series, or of this machine."""
    return kernels.SERIES.get(flavour) or kernels.IMAGES.get(flavour) or \
        debian.codename() or "bookworm"


def _sign(release, suite):
    """Changes when the recipe does."""
    sign = hashlib.sha256(f"{release} {suite} {LEFT_OUT}\n".encode())
    tool = os.path.join(RECIPE, "../../tools/ext4-of-root")
    for path in sorted(glob.glob(RECIPE + "/**/*", recursive=True)) + [tool]:
        if os.path.isfile(path):
            mode = os.stat(path).st_mode & 0o111
            sign.update(f"{os.path.relpath(path, RECIPE)} {mode}\n".encode())
            with open(path, "rb") as source:
                sign.update(source.read())
    return sign.hexdigest()[:16]


def _mirrors(suite):
    """Debian's own sources of this machine, so that its mirror or proxy
    serves the root, too; a plain line where there are none."""
    own = debian.codename()
    if suite != own:
        try:
            return debian.sources_for(suite, debian.machine_sources(), own)
        except debian.Missing:
            return f"deb http://deb.debian.org/debian {suite} main\n"
    signed = f"[signed-by={debian.KEYRING}] " \
        if os.path.exists(debian.KEYRING) else ""
    lines = [f"deb {signed}{uri} {name} main\n"
             for uri, name, component in debian.machine_sources()
             if name.split("-")[0] == suite and component == "main"]
    return "".join(dict.fromkeys(lines)) or \
        f"deb http://deb.debian.org/debian {suite} main\n"


def _run(command, log, environment):
    """mmdebstrap, whose steps are said: they are long where an emulator runs the packages'
    scripts. None, or the last lines of its log where it failed."""
    lines = []
    with open(log, "w") as out, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000",
                 **(environment or {})}) as process:
        for line in process.stdout:
            lines.append(line)
            print(line, end="", file=out, flush=True)
            if line.startswith("I: "):
                say(line[3:].strip())
    return "".join(lines[-15:]) if process.returncode else None


def _debootstrap(command, suite, sources, log, environment):
    """Runs mmdebstrap, to which one bad list is the end: where a mirror's list is out of
    step with its signature, once more without those beside the suite's own."""
    text = _mirrors(suite)
    own = "".join(line + "\n" for line in text.splitlines()
                  if f" {suite} " in line)
    for lines in (text, own):
        with open(sources, "w") as out:
            out.write(lines)
        last = _run(command, log, environment)
        if last is None:
            return
        if "Mirror sync in progress" not in last:
            break
        say("a list is out of step with its signature; the suite's own must do")
    raise Trouble(f"mmdebstrap failed, see {log}:\n{last}")


def build(release, suite, target, recipe=RECIPE, environment=None,
          architecture="amd64", within=()):
    """Runs mmdebstrap; the folder `target` appears when all is there, in place of what
    was there. `environment` is for the recipe's setup. The architecture's programs must
    run here: as root of the namespace that the command `within` makes, where there is
    one."""
    if not shutil.which("mmdebstrap"):
        raise Trouble("mmdebstrap is missing: run `make deps`")
    say(f"building a Debian root ({suite}, linux-image-{release})")
    # Where mmdebstrap uses a user namespace, its root is another user than
    # we: the folder is open to it.
    work = tempfile.mkdtemp(prefix="new-", dir=os.path.dirname(target))
    os.chmod(work, 0o777)
    image = os.path.join(work, "root.img")
    sources = os.path.join(work, "sources.list")
    command = [*within, "mmdebstrap", "--variant=minbase", "--format=null",
               f"--architectures={architecture}",
               # It would ask a program of its own whether foreign ones run.
               "--skip=check/qemu",
               "--include=" + ",".join(_packages(release, suite, recipe)),
               "--aptopt=Acquire::Languages \"none\"",
               "--aptopt=Acquire::Check-Valid-Until \"false\""]
    if within:
        # Its way for who is root, but not the machine's.
        command.append("--mode=unshare")
    command += [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    command += [f"--customize-hook={recipe}/setup \"$1\" {image}",
                suite, "/dev/null", sources]
    log = os.path.join(os.path.dirname(target), "log")
    try:
        _debootstrap(command, suite, sources, log, environment)
        os.unlink(sources)
        os.rename(f"{work}/initrd.img-{release}", f"{work}/initrd.img")
        os.rename(f"{work}/vmlinuz-{release}", f"{work}/vmlinuz")
        os.chmod(work, 0o755)
        os.chmod(image, 0o444)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _within(flavour):
    """What makes a place where programs of the flavour's architecture run, as words
    before a command: nothing where they run anyway. Missing where they cannot."""
    program = [kernels.busybox_of(flavour), "true"]
    try:
        subprocess.run(program, check=True)
        return []
    except (OSError, subprocess.CalledProcessError):
        done = subprocess.run([WITH_I386, *program], stderr=subprocess.PIPE, text=True,
                              check=False)
    if done.returncode:
        raise debian.Missing("this machine's kernel does not run programs of i386 "
                             "(CONFIG_IA32_EMULATION): " +
                             "; ".join(done.stderr.splitlines()))
    say("programs of i386 run in an emulator here, so the root takes its time")
    return [WITH_I386]


def get(flavour="amd64"):
    """The folder of the root, built where it is not there."""
    release, suite = kernels.get(flavour), suite_of(flavour)
    os.makedirs(CACHE, exist_ok=True)
    target = os.path.join(CACHE, f"{release}-{_sign(release, suite)}")
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(target):
            build(release, suite, target,
                  architecture=kernels.I386.get(flavour, "amd64"),
                  within=_within(flavour) if flavour in kernels.I386 else [])
            for old in glob.glob(os.path.join(CACHE, f"{release}-*")):
                if old != target:
                    shutil.rmtree(old, ignore_errors=True)
    return target
