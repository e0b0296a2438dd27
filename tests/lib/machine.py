# SPDX-License-Identifier: GPL-2.0
"""One emulated machine: QEMU, its channels, and the loop that serves them.

Channels are socket pairs: the kernel log on the first serial port; standard
input, output, error and the exit status on ports of a virtio console, which
carry bytes unchanged; for an interactive run a virtio terminal (hvc0) instead
of the first three. Nothing is written to disk: the initramfs is a memory file
that QEMU inherits, so that not even `kill -9` leaves anything behind.
"""

import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import time

from paths import Trouble

STREAMS = ("in", "out", "err")
PR_SET_PDEATHSIG = 1


class Interrupted(Exception):
    """A signal asks this program to end."""

    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.number = number


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_all(fd, data):
    data = memoryview(data)
    while data:
        data = data[os.write(fd, data):]


class Machine:
    """options: cpus, memory, cpu, append, disks, qemu_args, tty, kernel, xen,
    initramfs (bytes); log is a KernelLog."""

    def __init__(self, options, log):
        self.log = log
        self.options = options
        self.ends = {}          # channel -> our socket
        self.theirs = {}        # channel -> QEMU's socket
        self.process = None
        self.status_text = b""
        self.qemu_errors = b""
        self.cpu_seconds = 0.0
        self.qemu_status = None

    def channels(self):
        return ("log", "status") + (("tty",) if self.options.tty else STREAMS)

    def _arguments(self, initrd_fd):
        o = self.options
        accel = os.environ.get("ACCEL", "tcg")
        if accel == "tcg":
            accel = "tcg,thread=multi" if o.cpus > 1 else "tcg,thread=single"
        start = (o.kernel, f"/proc/self/fd/{initrd_fd}", o.append)
        if getattr(o, "xen", None):     # a multiboot kernel; ours is its first module
            words = f"{o.kernel} {o.append}".replace(",", ",,")
            start = (o.xen, f"{words},{start[1]}", "loglvl=none")
        args = ["qemu-system-x86_64", "-nodefaults", "-no-user-config",
                "-display", "none", "-machine", "q35", "-accel", accel,
                "-cpu", o.cpu, "-smp", str(o.cpus), "-m", f"{o.memory}M",
                "-no-reboot", "-kernel", start[0], "-initrd", start[1],
                "-append", start[2],
                "-device", "virtio-serial-pci,id=vs,max_ports=8"]
        for name in self.channels():
            args += ["-chardev",
                     f"socket,id={name},fd={self.theirs[name].fileno()}"]
        args += ["-serial", "chardev:log"]
        if o.tty:
            args += ["-device", "virtconsole,bus=vs.0,nr=0,chardev=tty"]
        else:
            for number, name in enumerate(STREAMS, 1):
                args += ["-device", f"virtserialport,bus=vs.0,nr={number},"
                         f"chardev={name},name={name}"]
        args += ["-device",
                 "virtserialport,bus=vs.0,nr=4,chardev=status,name=status"]
        for disk in o.disks:
            args += ["-drive", f"if=virtio,file={disk},format=raw"]
        return args + o.qemu_args

    def start(self):
        if not shutil.which("qemu-system-x86_64"):
            raise Trouble("qemu-system-x86_64 is missing: run `make deps`")
        initrd = os.memfd_create("initramfs")
        try:
            for part in self.options.initramfs:
                _write_all(initrd, part)
            for name in self.channels():
                self.ends[name], self.theirs[name] = socket.socketpair()
                self.ends[name].setblocking(False)
            fds = [end.fileno() for end in self.theirs.values()] + [initrd]
            self.process = subprocess.Popen(
                self._arguments(initrd), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                pass_fds=fds, preexec_fn=_die_with_parent,
                start_new_session=True)
        finally:
            os.close(initrd)
            for end in self.theirs.values():
                end.close()

    def stop(self):
        """Ends QEMU where it still runs and takes its CPU time."""
        if not self.process:
            return
        if self.qemu_status is None:
            try:
                os.kill(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._reap(0)
        self.process.stdout.close()
        for end in self.ends.values():
            end.close()
        self.process = None

    def _reap(self, flags):
        pid, status, usage = os.wait4(self.process.pid, flags)
        if pid:
            self.qemu_status = os.waitstatus_to_exitcode(status)
            self.process.returncode = self.qemu_status
            self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return bool(pid)

    def serve(self, source, sinks, patience, screen=None):
        """Moves bytes until QEMU has ended. Returns False when no byte moved for
        so many seconds: a slow machine is late, but not silent.

        source: file descriptor of our standard input; sinks: channel -> file
        descriptor. The log and the status stay here."""
        names = {end.fileno(): name for name, end in self.ends.items()}
        names[self.process.stdout.fileno()] = "qemu"
        os.set_blocking(self.process.stdout.fileno(), False)
        feeder = Feeder(source, self.ends["tty" if self.options.tty else "in"],
                        screen)
        open_ends = set(names)
        alive = time.monotonic()
        while open_ends:
            poll = select.poll()
            for fd in open_ends:
                poll.register(fd, select.POLLIN)
            feeder.register(poll)
            events = poll.poll(1000)
            # After the look, so that a time when we stood still does not count.
            if not events and time.monotonic() > alive + patience:
                return False
            for fd, event in events:
                alive = time.monotonic()
                if feeder.handle(fd, event):
                    continue
                if event & ~select.POLLOUT and fd in open_ends:
                    if not self._move(fd, names[fd], sinks):
                        open_ends.discard(fd)
                        feeder.closed(fd)
        return self._wait_end(alive + patience)

    def _wait_end(self, deadline):
        while not self._reap(os.WNOHANG):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _move(self, fd, name, sinks):
        """One read from a channel; False at its end."""
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        if not data:
            return False
        if name == "log":
            self.log.feed(data)
        elif name == "status":
            self.status_text += data
        elif name == "qemu":
            self.qemu_errors += data
        elif name in sinks:
            sinks[name](data)
        return True


class Feeder:
    """Our standard input on its way into the machine, one piece at a time."""

    def __init__(self, source, sink, screen):
        self.source = source
        self.screen = screen
        self.sink = sink
        self.waiting = b""

    def register(self, poll):
        if self.sink is None:
            return
        if self.waiting:
            poll.register(self.sink.fileno(), select.POLLIN | select.POLLOUT)
        elif self.source is not None:
            poll.register(self.source, select.POLLIN)

    def handle(self, fd, event):
        """True when the event was ours alone."""
        if fd == self.source and self.sink is not None:
            self.waiting = os.read(fd, 65536)
            if self.screen and self.screen.wants_out(self.waiting):
                raise Interrupted(signal.SIGINT)
            if self.screen and not self.waiting:
                raise Interrupted(signal.SIGHUP)    # the terminal is gone
            if not self.waiting:
                self.source = None
                self.sink.shutdown(socket.SHUT_WR)
            return True
        if self.sink and fd == self.sink.fileno() and event & select.POLLOUT:
            try:
                self.waiting = self.waiting[self.sink.send(self.waiting):]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                self.sink = None
            return not event & ~select.POLLOUT
        return False

    def closed(self, fd):
        if self.sink and fd == self.sink.fileno():
            self.sink = None
