#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Seeds for the fuzzers of devices: drivers that do it right, or nearly.

    tests/fuzz/seeds.py NAME FOLDER

A fuzzer that changes bytes of a conversation gets far; one that has to invent
the conversation does not. Each seed is a list of steps (machine.h), behind
what the target wants before them (the top of fuzz_NAME.c).
"""

import os
import struct
import sys

# Features that every device has.
EVENT_IDX = 1 << 29 | 1 << 28


def bits(*numbers):
    return sum(1 << number for number in numbers)


def register(offset, value):
    return b"\0" + bytes([offset // 4]) + struct.pack("<I", value)


def write(offset, width, value):
    return b"\1" + struct.pack("<HBQ", offset, width, value)


def memory(gpa, data):
    return b"\3" + struct.pack("<HB", gpa, len(data)) + data


def chain(queue, out=(), into=(), request=b"", indirect=False):
    """Buffers are (GPA, bytes); request is what the first one holds."""
    step = bytes([5 if indirect else 4, queue, len(out) | len(into) << 4])
    for gpa, size in (*out, *into):
        step += struct.pack("<HH", gpa, size)
    return step + bytes([len(request)]) + request


def kick(queue):
    return b"\6" + bytes([queue])


def start(features):
    return b"\7" + struct.pack("<Q", features)


RUN = b"\x08"
RESET = register(0x70, 0)


def rng():
    yield start(0) + chain(0, into=[(0x2000, 64)]) + kick(0)
    yield start(EVENT_IDX) + chain(0, into=[(0x2000, 5000), (0x3000, 10)],
                                   indirect=True) + kick(0) + RESET
    yield start(0) + chain(0, [(0x2000, 8)]) + chain(0) + kick(0)


def balloon():
    def words(form, *values):
        return struct.pack("<" + form, *values)

    pfns = words("8I", 2, 3, 4, 9, 7, 7, 0xffffffff, 5)
    numbers = words("HQHQHQ", 4, 100, 5, 200, 99, 1)
    report = chain(4, into=[(0x4000, 0x3000), (0x2800, 100)]) + kick(4)
    for features in (bits(1), bits(1, 2, 4, 5) | EVENT_IDX, bits(5),
                     bits(4, 5), bits(1, 5)):
        steps = start(features)
        steps += chain(0, [(0x2000, len(pfns))], request=pfns) + kick(0)
        steps += chain(1, [(0x2000, 8)], request=pfns[:8]) + kick(1)
        for _ in range(2):
            steps += chain(2, [(0x2000, len(numbers))],
                           request=numbers) + kick(2)
        steps += report + chain(3, into=[(0x4000, 0x3000)]) + kick(3)
        steps += write(0x104, 2, 3)     # actual
        steps += write(0x10c, 2, 0xaa)  # poison_val
        steps += report + RESET + start(features) + report
        for said in (b"info\ninfo\n", b"take 64M\ntake 0\n", b"what\n",
                     b"x" * 255, b""):
            yield bytes([len(said)]) + said + steps


def vconsole():
    def tell(port, event, value):
        return chain(3, [(0x6000, 8)], request=struct.pack(
            "<IHH", port, event, value)) + kick(3)

    def buffers(count, size):
        return b"".join(chain(2, into=[(0x4000 + 64 * i, size)])
                        for i in range(count)) + kick(2)

    queues = ((0, 1), (4, 5), (6, 7))
    receive = b"".join(chain(q, into=[(0x2000 + 0x100 * q, 200)]) + kick(q)
                       for q, _ in queues)
    send = b"".join(chain(q, [(0x3000, 100)], request=b"hello") + kick(q)
                    for _, q in queues)
    much = b"".join(chain(q, [(0x2000, 0x5000)] * 4) + kick(q)
                    for _, q in queues) * 4
    ready = tell(0, 0, 1) + b"".join(tell(port, 3, 1) for port in range(3))
    opened = b"".join(tell(port, 6, 1) for port in range(3))
    for choice in range(16):
        first = bytes([choice])
        for features in (bits(0, 1, 2), bits(1) | EVENT_IDX, bits(0)):
            yield first + start(features) + buffers(8, 64) + ready + \
                buffers(8, 64) + opened + receive + send + tell(1, 6, 0) + \
                tell(9, 3, 1) + tell(0, 3, 0) + write(0x108, 2, 65) + send
            yield first + start(features) + ready + opened + much + RUN + \
                receive + chain(4, [(0x2000, 8)]) + kick(4) + send
        yield first + start(bits(1)) + ready + buffers(1, 4)
        yield first + start(0) + receive + send + much + RESET


# --- disks ---

FLUSH, DISCARD, WRITE_ZEROES = bits(9), bits(13), bits(14)
DISK = FLUSH | DISCARD | WRITE_ZEROES | bits(2, 6, 11)


def requests():
    """Each kind of request, on sectors that are there and that are not."""
    def ask(kind, sector, out=(), into=(), data=b""):
        return memory(0x2800, data) + chain(
            0, [(0x2000, 16), *out], [*into, (0x2100, 1)],
            struct.pack("<IIQ", kind, 0, sector)) + kick(0) + RUN

    page = [(0x3000, 0x1000)]
    pieces = [(0x3000, 0x200), (0x3201, 0x400), (0x7e00, 0x800)]
    ranges = struct.pack("<QII", 8, 8, 0) + struct.pack("<QII", 64, 16, 1)
    for sector in (0, 100, 511, 1 << 40):
        yield ask(1, sector, page) + ask(0, sector, (), page)
        yield ask(1, sector, pieces) + ask(0, sector, (), pieces)
    yield ask(4, 0) + ask(8, 0, (), [(0x3000, 20)]) + ask(99, 0)
    for kind in (11, 13):
        yield ask(kind, 0, [(0x2800, 16)], (), ranges[:16]) + \
            ask(kind, 0, [(0x2800, 32)], (), ranges) + ask(4, 0)


def disk():
    for choice in range(8):
        for features in (DISK, DISK | EVENT_IDX):
            for steps in requests():
                yield bytes([choice]) + start(features) + steps
    yield bytes([8]) + start(DISK)


def nbd():
    reply = 0x3e889045565a9
    greeting = b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3)

    def answer(option, kind, data=b""):
        return struct.pack(">QIII", reply, option, kind, len(data)) + data

    # Flags: flush, FUA, trim, write zeroes.
    export = struct.pack(">HQH", 0, 256 << 10, 1 | 4 | 8 | 32 | 64)
    plain = greeting + answer(8, 0x80000001) + answer(7, 3, export) + \
        answer(7, 1)
    chunks = greeting + answer(8, 1) + answer(10, 1) + \
        answer(7, 3, export) + answer(7, 1)
    for steps in requests():
        for greeted in (plain, chunks, plain[:40], b""):
            for error in (0, 5, 28):
                said = greeted
                # libnbd counts its commands from 1.
                for cookie in range(1, 5):
                    said += struct.pack(">IIQ", 0x67446698, error, cookie)
                    said += bytes(0 if error else 4096)
                said = said[:12000]
                yield struct.pack("<H", len(said)) + said + start(DISK) + steps


# --- frames ---

ETHER = bytes(6) + b"\2\0\0\0\0\1"
TCP = struct.pack(">HHIIBBHHH", 80, 81, 1, 2, 0x50, 0x19, 0x2000, 0, 0)


def ip4(payload, protocol):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + payload, 0x1234, 0x4000, 64,
                       protocol, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2])


def ip6(payload, protocol):
    return struct.pack(">IHBB", 0x60000000, payload, protocol, 64) + \
        bytes(15) + b"\2" + bytes(15) + b"\1"


def tcp4(payload, tag=b""):
    return ETHER + tag + b"\x08\0" + ip4(20 + payload, 6) + TCP + \
        bytes(payload)


def header(flags=0, kind=0, length=0, size=0, begin=0, offset=0):
    return struct.pack("<BBHHHHH", flags, kind, length, size, begin, offset, 0)


PLAIN = ETHER + b"\x08\0" + bytes(50)
UDP = ETHER + b"\x08\0" + ip4(30, 17) + bytes(30)
TAGGED = tcp4(700, b"\x81\0\0\5")
SIX = ETHER + b"\x86\xdd" + ip6(920, 6) + TCP + bytes(900)
FRAMES = (
    (header(), PLAIN),
    (header(2), PLAIN),
    (header(1, 0, 0, 0, 34, 6), UDP),
    (header(1, 1, 54, 200, 34, 16), tcp4(1000)),
    (header(1, 1, 58, 100, 38, 16), TAGGED),
    (header(1, 4, 74, 300, 54, 16), SIX),
    (header(1, 0x81, 54, 200, 34, 16), tcp4(1000)),
    (header(1, 0, 0, 0, 60000, 6), UDP),        # a lie
    (header(1, 3, 0, 10, 34, 6), UDP),          # UFO, not offered
)
GUEST_OFFLOADS = bits(1, 7, 8, 9)
HOST_OFFLOADS = bits(0, 11, 12, 13)
CONTROL = bits(5, 16, 17, 18, 23)
MERGE = bits(15)


def net():
    def framed(*parts):
        data = b"".join(parts)
        return struct.pack(">I", len(data)) + data

    def control(kind, command, data):
        return chain(2, [(0x7000, 2 + len(data))], [(0x7100, 1)],
                     bytes([kind, command]) + data) + kick(2)

    def receive(count, size):
        return b"".join(chain(0, into=[(0x2000 + 0x800 * i, size)])
                        for i in range(count)) + kick(0)

    def send(head, frame, cut):
        data = (head + frame)[:250]
        return memory(0x5000, data) + \
            chain(1, [(0x5000, cut), (0x5000 + cut, len(data) - cut)]) + \
            kick(1)

    def input_of(choice, peer, steps):
        return bytes([choice]) + struct.pack("<H", len(peer)) + peer + steps

    controls = b"".join((
        control(0, 0, b"\1"), control(0, 1, b"\1"), control(0, 9, b"\1"),
        control(1, 0, struct.pack("<II", 0, 0)),
        control(1, 1, b"\2\0\0\0\0\7"), control(1, 1, b"\3\0\0\0\0\7"),
        control(2, 0, b"\5\0"), control(4, 0, b"\1\0"),
        control(5, 0, struct.pack("<Q", 2)),
        control(5, 0, struct.pack("<Q", 0xffff)), control(9, 0, b"")))
    for features in (CONTROL, CONTROL | bits(1), CONTROL | MERGE,
                     CONTROL | MERGE | bits(1),
                     CONTROL | MERGE | GUEST_OFFLOADS | EVENT_IDX,
                     CONTROL | GUEST_OFFLOADS):
        for head, frame in FRAMES:
            size = 200 if features & MERGE else 2048
            for backend in (6, 0x10, 0x26):
                yield input_of(backend, framed(head, frame) * 2,
                               start(features) + receive(8, size) + RUN)
    for features in (CONTROL, CONTROL | HOST_OFFLOADS | EVENT_IDX):
        for head, frame in FRAMES[:7]:
            for cut in (12, 5, 40):
                for backend in (6, 0x12):
                    yield input_of(backend, b"", start(features) +
                                   send(head, frame, cut) + controls)
        yield input_of(14, b"", start(features) + controls + RESET)
    for features in (CONTROL, CONTROL | MERGE):
        yield input_of(3, framed(PLAIN) * 2, start(features) +
                       receive(4, 100) + send(header(), PLAIN, 12) + controls)


def main():
    name, folder = sys.argv[1:]
    makers = {"rng": rng, "balloon": balloon, "vconsole": vconsole, "net": net,
              "disk": disk, "nbd": nbd}
    os.makedirs(folder, exist_ok=True)
    for number, seed in enumerate(makers[name]()):
        with open(os.path.join(folder, f"seed-{number:03}"), "wb") as out:
            out.write(seed)


if __name__ == "__main__":
    main()
