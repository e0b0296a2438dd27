# SPDX-License-Identifier: GPL-2.0
"""gdb at a guest, for tests in tests/see: gdb runs here, the guest in the emulated host,
whose input and output are gdb's connection (tests/see/gdb/host.sh)."""

import os
import shutil
import socket
import subprocess
import sys
import threading

WORK = os.environ["TEST_DIR"]
GUEST_KERNEL = os.environ.get("RINGLET_GUEST_KERNEL", "amd64")


def pump(read, write, close):
    """Until the end of one side, which is made the end of the other."""
    while data := read(4096):
        write(data)
    close()


def connect(listener, sandbox):
    """gdb's connection is the sandbox's input and output. (gdb could start it by itself,
    but kills it when it detaches.)"""
    client = listener.accept()[0]
    threading.Thread(target=pump, daemon=True, args=(
        lambda size: os.read(sandbox.stdout.fileno(), size), client.sendall,
        lambda: client.shutdown(socket.SHUT_WR))).start()
    pump(client.recv, sandbox.stdin.write, sandbox.stdin.close)


def gdb_at(guest, commands, cpus=1):
    """What gdb said to these commands ("PORT" is that of the connection), and what the
    emulated host did. `guest` is what the guest's init does."""
    if not shutil.which("gdb"):
        print("gdb is not installed")
        sys.exit(77)
    kernel = subprocess.run(["tests/sandbox/kernels", "vmlinuz", GUEST_KERNEL],
                            stdout=subprocess.PIPE, text=True,
                            check=True).stdout.strip()
    subprocess.run(["tests/sandbox/guest", "--pack", WORK + "/guest.cpio", "--",
                    guest], check=True)
    build = os.environ.get("RINGLET_BUILD", "build")
    subprocess.run([build + "/ringlet", "symbols", "-o", WORK + "/symbols", kernel],
                   check=True)
    listener = socket.create_server(("127.0.0.1", 0))
    with open(WORK + "/host", "w+", encoding="utf-8", errors="replace") as host, \
            subprocess.Popen(
                ["tests/sandbox/run", "--fast", "--guest", GUEST_KERNEL,
                 "--cpus", str(cpus), "--append", "tsc=reliable",
                 "--timeout", "400", "--log", WORK + "/log",
                 "--add", WORK + "/guest.cpio:/guest.cpio",
                 "--add", "tests/see/gdb/host.sh:/host.sh", "--", "sh", "/host.sh",
                 str(cpus)], bufsize=0, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=host) as sandbox:
        threading.Thread(target=connect, args=(listener, sandbox), daemon=True).start()
        words = ["gdb", "-nx", "-batch"]
        for command in ["set confirm off", "set pagination off", "set width 0",
                        "set remotetimeout 400"] + commands:
            words += ["-ex",
                      command.replace("PORT", str(listener.getsockname()[1]))]
        said = subprocess.run(words + [WORK + "/symbols"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False).stdout
        sandbox.wait()
        host.seek(0)
        did = host.read()
    print(said)
    print(did)
    return said, did
