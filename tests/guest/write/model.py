#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""model.py DEVICE [--ops N] [--seed N] [--sector N] [--whole BYTES]
[--no-sync] [--no-discard] [--once] [--bytes N] [--save FILE] [--check FILE]

Does random things to a device (writes of all sizes, with and without O_SYNC,
discards, writes of zeroes that free and that do not, flushes) and to a model of
it, compares ranges as it goes and all of it in the end.  The contents of what was
discarded are not known; they are read once and must stay.
--whole: the size of a block, so that some discards and zeroes hit whole ones.
--no-sync: no O_SYNC.  --no-discard: no discards, of which a flush makes none
durable.  --once: change no sector twice.
--bytes: so much of the device, from its start.
--save: leave the model there.  --check: only compare the device with it, as far as
it goes: the device may have grown.

The model is a file, of which no page is mapped.  UML has one mapping on the host for
each page of a process that lies apart, the host has 65530 for a process, and UML ends
one that needs more with SIGSEGV: a model of 256 MiB would be too large.
"""
import argparse
import fcntl
import mmap
import os
import random
import struct
import sys

BLKDISCARD = 0x1277
BLKZEROOUT = 0x127F
FALLOC_KEEP_SIZE = 1
FALLOC_ZERO_RANGE = 16


class Device:
    def __init__(self, path, sector):
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.sync = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
        self.size = os.lseek(self.fd, 0, os.SEEK_END)
        self.sector = sector
        self.buffer = mmap.mmap(-1, 1 << 20)

    def read(self, pos, length):
        got = bytearray()
        while length:
            step = min(length, len(self.buffer))
            with memoryview(self.buffer)[:step] as view:
                done = os.preadv(self.fd, [view], pos)
                got += view[:done]
            if not done:
                sys.exit("the device ends at byte %d" % pos)
            pos += done
            length -= done
        return got

    def write(self, pos, data, sync):
        self.buffer[:len(data)] = data
        with memoryview(self.buffer)[:len(data)] as view:
            done = os.pwritev(self.sync if sync else self.fd, [view], pos)
        if done != len(data):
            sys.exit("short write at %d: %d of %d" % (pos, done, len(data)))

    def ioctl(self, code, pos, length):
        fcntl.ioctl(self.fd, code, struct.pack("QQ", pos, length))


class Model:
    """What a device holds, in a file that is only written where it is not zero."""

    def __init__(self, fd):
        self.fd = fd
        self.size = os.fstat(fd).st_size

    def learn(self, device):
        os.ftruncate(self.fd, 0)
        os.ftruncate(self.fd, device.size)
        self.size = device.size
        for pos, length in pieces(0, device.size):
            got = device.read(pos, length)
            if any(got):
                self.write(pos, got)

    def read(self, pos, length):
        return os.pread(self.fd, length, pos)

    def write(self, pos, data):
        os.pwrite(self.fd, data, pos)


class Run:
    def __init__(self, device, model, rng, whole, sync, discard=True,
                 once=False):
        self.dev = device
        self.model = model
        self.sync = sync
        self.discard = discard
        self.once = once
        # Not of a device of many TiB, of which only a model is compared.
        self.changed = bytearray(device.size // 512 if once else 0)
        self.rng = rng
        self.whole = whole

    def compare(self, pos, length, what):
        got = self.dev.read(pos, length)
        wanted = self.model.read(pos, length)
        if got != wanted:
            for i in range(0, length, 512):
                if got[i:i + 512] != wanted[i:i + 512]:
                    sys.exit("%s: the sector at byte %d differs: %s, not %s"
                             % (what, pos + i, got[i:i + 16].hex(),
                                wanted[i:i + 16].hex()))
            sys.exit("%s: the model ends at byte %d" % (what, self.model.size))

    def compare_all(self, what):
        for pos, length in pieces(0, self.model.size):
            self.compare(pos, length, what)

    def place(self, limit):
        sectors = self.dev.size // self.dev.sector
        length = 1 + int(min(limit, self.dev.size) // self.dev.sector
                         * self.rng.random() ** 4)
        length = min(length, limit // self.dev.sector)
        first = self.rng.randrange(sectors - length + 1)
        return first * self.dev.sector, length * self.dev.sector

    def wide(self):
        if self.whole and self.rng.random() < 0.7:
            blocks = -(-self.dev.size // self.whole)
            first = self.rng.randrange(blocks)
            count = self.rng.randint(1, 4)
            pos = first * self.whole
            return pos, min(count * self.whole, self.dev.size - pos)
        return self.place(3 * (self.whole or 1 << 20))

    # Not at all, if it may change each sector only once.
    def may_change(self, pos, length):
        if not self.once:
            return True
        part = slice(pos // 512, (pos + length) // 512)
        if any(self.changed[part]):
            return False
        self.changed[part] = b"\1" * (length // 512)
        return True

    def op_write(self):
        pos, length = self.place(1 << 20)
        if not self.may_change(pos, length):
            return
        data = self.rng.randbytes(16) * (length // 16)
        self.dev.write(pos, data, self.rng.random() < self.sync)
        self.model.write(pos, data)

    def op_discard(self):
        pos, length = self.wide()
        if not self.may_change(pos, length):
            return
        self.dev.ioctl(BLKDISCARD, pos, length)
        for step, size in pieces(pos, length):
            self.learn(step, size)

    def learn(self, pos, length):
        got = self.dev.read(pos, length)
        before = self.model.read(pos, length)
        for i in range(0, length, 512):
            part = got[i:i + 512]
            if any(part) and part != before[i:i + 512]:
                sys.exit("discarded sector at %d reads as what it never held"
                         % (pos + i))
        self.model.write(pos, got)

    def op_zero(self):
        pos, length = self.wide()
        if not self.may_change(pos, length):
            return
        if self.rng.random() < 0.5:
            self.dev.ioctl(BLKZEROOUT, pos, length)
        else:
            fallocate_zero(self.dev.fd, pos, length)
        for step, size in pieces(pos, length):
            self.model.write(step, bytes(size))

    def op_read(self):
        pos, length = self.place(1 << 20)
        self.compare(pos, length, "read")

    def op_flush(self):
        os.fsync(self.dev.fd)

    def go(self, count):
        ops = [self.op_write] * 12 + [self.op_read] * 4 + \
            [self.op_discard] * self.discard + [self.op_zero, self.op_flush]
        for _ in range(count):
            self.rng.choice(ops)()
        self.compare_all("at the end")


def pieces(pos, length):
    """Of a MiB at most."""
    while length:
        step = min(length, 1 << 20)
        yield pos, step
        pos += step
        length -= step


def fallocate_zero(fd, pos, length):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64,
                               ctypes.c_int64]
    if libc.fallocate(fd, FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE, pos, length):
        sys.exit("zero range: %s" % os.strerror(ctypes.get_errno()))


def open_model(args):
    if args.check:
        return Model(os.open(args.check, os.O_RDONLY))
    if args.save:
        return Model(os.open(args.save, os.O_RDWR | os.O_CREAT, 0o600))
    return Model(os.memfd_create("model"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("device")
    parser.add_argument("--ops", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--sector", type=int, default=512)
    parser.add_argument("--whole", type=int, default=0)
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--no-discard", action="store_true")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--save")
    parser.add_argument("--check")
    parser.add_argument("--bytes", type=int)
    args = parser.parse_args()
    device = Device(args.device, args.sector)
    if args.bytes:
        device.size = args.bytes
    model = open_model(args)
    run = Run(device, model, random.Random(args.seed), args.whole,
              0 if args.no_sync else 0.1, not args.no_discard,
              args.once)
    if args.check:
        run.compare_all("the model that was saved")
        return
    print("seed", args.seed)
    model.learn(device)
    run.go(args.ops)


if __name__ == "__main__":
    main()
