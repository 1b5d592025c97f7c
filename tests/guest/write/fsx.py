#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""fsx.py PATH [--seconds N | --ops N] [--size BYTES] [--grain BYTES]
[--seed N] [--save FILE]

Does to a file, or to a block device, what programs do to files, in random
order, and keeps a model of it in memory: reads and writes through the page
cache, through mmap() and around both; cuts the file short and extends it,
punches holes, writes zeroes, reserves, moves its tail; flushes in all ways; lets
go of what is cached, so that it comes from below again.  What is read is
compared with the model; all of it in the end, from below.  A kind of operation
that the file system does not offer is left out.
--size: the longest that the file gets.  --grain: what direct I/O is aligned to.
--save: leave the model there.
"""
import argparse
import ctypes
import errno
import mmap
import os
import random
import stat
import sys
import time

KEEP_SIZE, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32
PAGE = 4096
# What collapse and insert must be aligned to: a block of any file system here.
FS_BLOCK = 4096
HISTORY = 30

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64,
                           ctypes.c_int64]


def fallocate(fd, mode, pos, length):
    if LIBC.fallocate(fd, mode, pos, length):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class File:
    """The file, its model, and what can be done to both."""

    def __init__(self, path, args, rng):
        self.path, self.rng = path, rng
        self.grain = args.grain
        self.history = []
        self.counts = {}
        self.fd = self.direct = -1
        self.device = os.path.exists(path) and \
            stat.S_ISBLK(os.stat(path).st_mode)
        self.open()
        if self.device:
            end = os.lseek(self.fd, 0, os.SEEK_END)
            self.limit = min(args.size, end)
            self.model = bytearray(self.limit)
            fallocate(self.fd, ZERO | KEEP_SIZE, 0, self.limit)
        else:
            self.limit = args.size
            self.model = bytearray()
            os.ftruncate(self.fd, 0)
        self.buffer = mmap.mmap(-1, self.limit)

    def open(self):
        create = 0 if self.device else os.O_CREAT
        self.fd = os.open(self.path, os.O_RDWR | create, 0o600)
        self.direct = os.open(self.path, os.O_RDWR | os.O_DIRECT)

    def close(self):
        os.close(self.fd)
        os.close(self.direct)

    def fail(self, what):
        for line in self.history[-HISTORY:]:
            print(line)
        sys.exit(what)

    def note(self, what, pos=0, length=0):
        self.counts[what] = self.counts.get(what, 0) + 1
        self.history.append("%6d %-12s %#8x %#8x of %#x" % (
            sum(self.counts.values()), what, pos, length, len(self.model)))
        del self.history[:-HISTORY]

    # Where: most are short; some begin where the page or the sector does.

    def place(self, limit, grain=1):
        length = 1 + int((limit - 1) * self.rng.random() ** 5)
        pos = self.rng.randrange(max(1, limit - length + 1))
        if grain == 1 and self.rng.random() < 0.3:
            grain = self.rng.choice((512, PAGE))
        pos = pos // grain * grain
        length = max(grain, length // grain * grain)
        return pos, min(length, max(0, limit // grain * grain - pos))

    def data(self, length):
        return self.rng.randbytes(min(length, 997)) * (length // 997 + 1)

    def compare(self, got, pos, what):
        want = self.model[pos:pos + len(got)]
        if got == want:
            return
        at = next((i for i in range(min(len(got), len(want)))
                   if got[i] != want[i]), min(len(got), len(want)))
        self.fail("%s: byte %#x differs: %s, not %s (%d bytes, not %d)" % (
            what, pos + at, bytes(got[at:at + 16]).hex(),
            bytes(want[at:at + 16]).hex(), len(got), len(want)))

    def put(self, pos, data):
        if len(self.model) < pos:
            self.model += bytes(pos - len(self.model))
        self.model[pos:pos + len(data)] = data

    # Reads.

    def read(self):
        pos, length = self.place(len(self.model))
        self.note("read", pos, length)
        self.compare(os.pread(self.fd, length, pos), pos, "read")

    def read_direct(self):
        pos, length = self.place(self.limit, self.grain)
        length = min(length, max(0, len(self.model) - pos))
        if not length:
            return
        self.note("read direct", pos, length)
        room = -(-length // self.grain) * self.grain
        with memoryview(self.buffer)[:room] as view:
            done = os.preadv(self.direct, [view], pos)
            if done < length:
                self.fail("short direct read: %d" % done)
            self.compare(bytes(view[:length]), pos, "direct read")

    def map(self, pos, length, data=None):
        base = pos // PAGE * PAGE
        with mmap.mmap(self.fd, pos + length - base, offset=base) as mapped:
            at = pos - base
            if data is None:
                return mapped[at:at + length]
            mapped[at:at + length] = data
            if self.rng.random() < 0.2:
                mapped.flush()
        return data

    def read_mapped(self):
        pos, length = self.place(len(self.model))
        self.note("read mapped", pos, length)
        self.compare(self.map(pos, length), pos, "mapped read")

    # Writes.

    def write(self):
        pos, length = self.place(self.limit)
        self.note("write", pos, length)
        data = self.data(length)[:length]
        if os.pwrite(self.fd, data, pos) != length:
            self.fail("short write")
        self.put(pos, data)

    def write_direct(self):
        pos, length = self.place(self.limit, self.grain)
        if not length:
            return
        self.note("write direct", pos, length)
        data = self.data(length)[:length]
        with memoryview(self.buffer)[:length] as view:
            view[:] = data
            if os.pwritev(self.direct, [view], pos) != length:
                self.fail("short direct write")
        self.put(pos, data)

    def write_mapped(self):
        pos, length = self.place(len(self.model))
        self.note("write mapped", pos, length)
        data = self.data(length)[:length]
        self.map(pos, length, data)
        self.put(pos, data)

    # What changes more than bytes.

    def truncate(self):
        size = self.rng.randrange(self.limit + 1)
        self.note("truncate", size)
        os.ftruncate(self.fd, size)
        del self.model[size:]
        self.model += bytes(size - len(self.model))

    def zero(self):
        self.clear("zero", ZERO | KEEP_SIZE)

    def punch(self):
        self.clear("punch", PUNCH | KEEP_SIZE)

    def clear(self, what, mode):
        pos, length = self.place(len(self.model),
                                 self.grain if self.device else 1)
        if not length:
            return
        self.note(what, pos, length)
        fallocate(self.fd, mode, pos, length)
        self.put(pos, bytes(length))

    def reserve(self):
        pos, length = self.place(self.limit)
        self.note("reserve", pos, length)
        fallocate(self.fd, 0, pos, length)
        self.put(max(pos + length, len(self.model)), b"")

    def collapse(self):
        pos, length = self.place(len(self.model), FS_BLOCK)
        if not length or pos + length >= len(self.model):
            return
        self.note("collapse", pos, length)
        fallocate(self.fd, COLLAPSE, pos, length)
        del self.model[pos:pos + length]

    def insert(self):
        pos, length = self.place(len(self.model), FS_BLOCK)
        if not length or pos + length > len(self.model) or \
                len(self.model) + length > self.limit:
            return
        self.note("insert", pos, length)
        fallocate(self.fd, INSERT, pos, length)
        self.model[pos:pos] = bytes(length)

    # What should change nothing.

    def flush(self):
        self.note("flush")
        self.rng.choice((os.fsync, os.fdatasync))(self.fd)

    def forget(self):
        self.note("forget")
        os.fdatasync(self.fd)
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def reopen(self):
        self.note("reopen")
        self.close()
        self.open()

    def go(self, seconds, ops):
        often = [self.read, self.read_direct, self.read_mapped, self.write,
                 self.write, self.write_direct, self.write_direct,
                 self.write_mapped] * 4
        seldom = [self.zero, self.punch, self.flush, self.forget, self.reopen]
        if not self.device:
            seldom += [self.truncate, self.reserve, self.collapse, self.insert]
        needs_some = (self.read, self.read_mapped, self.write_mapped,
                      self.zero, self.punch, self.collapse, self.insert)
        end = time.monotonic() + seconds if seconds else None
        while time.monotonic() < end if end else ops > 0:
            ops -= 1
            choice = self.rng.choice(often if self.rng.random() < 0.8
                                     else seldom)
            if not self.model and choice in needs_some:
                continue
            try:
                choice()
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    self.fail(str(error))
                seldom = [one for one in seldom if one != choice]
        self.forget()
        self.read_all()

    def read_all(self):
        if not self.device and os.fstat(self.fd).st_size != len(self.model):
            self.fail("the file has %d bytes, not %d" % (
                os.fstat(self.fd).st_size, len(self.model)))
        for pos in range(0, len(self.model), PAGE * 16):
            self.compare(os.pread(self.fd, min(
                PAGE * 16, len(self.model) - pos), pos), pos, "at the end")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--ops", type=int, default=1000)
    parser.add_argument("--size", type=int, default=4 << 20)
    parser.add_argument("--grain", type=int, default=512)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--save")
    args = parser.parse_args()
    print("seed", args.seed)
    run = File(args.path, args, random.Random(args.seed))
    run.go(args.seconds, args.ops)
    run.close()
    print("%d operations:" % sum(run.counts.values()), ", ".join(
        "%d %s" % (number, what) for what, number in run.counts.items()))
    if args.save:
        with open(args.save, "wb") as model:
            model.write(run.model)


if __name__ == "__main__":
    main()
