#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""race.py DEVICE [--seconds N] [--workers N] [--blocks N] [--whole BYTES]
[--seed N] [--state FILE] [--check FILE]

Workers write, discard, zero and flush at once, in the same few blocks, and every
other one reads as well, which may be slow.  Each has every so many pages of a
block to itself, and writes there only, the number of the page and of the write
all over it; but it discards and zeroes whatever it likes.  So it knows at any
time what its own pages may hold: its last write, or zeros if anybody's discard
or zeroing was under way since that write began.  Pages of others hold zeros, or
what was written to just that page.
--blocks: so many, spread over the disk.  --state: leave what the pages hold in
the end in FILE.N, for each worker, and begin with what is there.
--check: only compare the device with that.
"""
import argparse
import ctypes
import fcntl
import glob
import mmap
import multiprocessing
import os
import random
import struct
import sys
import threading
import time

from model import BLKDISCARD, BLKZEROOUT, fallocate_zero

PAGE = 4096
# Pages in a row that one worker has, and writes at once at most.
ROW = 4
# Of a block; few, so that what is read was often written a moment ago.
USED = 32


class Progress:
    """How many times each worker began, and ended, to clear each block."""

    def __init__(self, workers, blocks):
        self.blocks = blocks
        cells = workers * blocks
        self.shared = mmap.mmap(-1, 16 * cells)
        self.begun = (ctypes.c_uint64 * cells).from_buffer(self.shared)
        self.ended = (ctypes.c_uint64 * cells).from_buffer(self.shared,
                                                           8 * cells)

    def all_begun(self, block):
        return sum(self.begun[block::self.blocks])

    def all_ended(self, block):
        return sum(self.ended[block::self.blocks])


class Place:
    """The blocks, by index, where they lie, and whose the pages are."""

    def __init__(self, fd, args):
        self.whole = args.whole
        self.pages = min(USED, args.whole // PAGE)
        self.workers = args.workers
        self.blocks = args.blocks
        size = os.lseek(fd, 0, os.SEEK_END)
        self.stride = size // args.whole // args.blocks * args.whole

    def offset(self, block, page):
        return block * self.stride + page * PAGE

    def owner(self, page):
        return page // ROW % self.workers

    def label(self, block, page):
        """No page has the number 0, so that none looks like zeros."""
        return block * self.pages + page + 1

    def rows(self, worker):
        return range(worker * ROW, self.pages, ROW * self.workers)


class Worker:
    def __init__(self, number, fd, sync_fd, place, progress, rng):
        self.number = number
        self.fd = fd
        self.sync_fd = sync_fd
        self.place = place
        self.progress = progress
        self.rng = rng
        self.count = 0
        self.buffer = mmap.mmap(-1, ROW * PAGE)
        # (block, page): (the last write, clearings that ended before it began)
        self.held = {}

    def resume(self, state):
        for block, page, count in state:
            self.held[block, page] = (count, 0)
            self.count = max(self.count, count)

    def die(self, block, page, words):
        sys.exit("worker %d: block %d, page %d: %s"
                 % (self.number, block, page, words))

    def choose(self):
        """Some blocks are in demand."""
        block = int(self.place.blocks * self.rng.random() ** 2)
        row = self.rng.choice(self.place.rows(self.number))
        first = self.rng.randrange(ROW)
        last = self.rng.randint(first, ROW - 1)
        return block, range(row + first, row + last + 1)

    def view(self, pages):
        return memoryview(self.buffer)[:len(pages) * PAGE]

    def read(self, block, pages):
        with self.view(pages) as view:
            os.preadv(self.fd, [view], self.place.offset(block, pages[0]))
        return [self.buffer[i * PAGE:(i + 1) * PAGE]
                for i in range(len(pages))]

    def op_write(self):
        block, pages = self.choose()
        self.count += 1
        before = self.progress.all_ended(block)
        for i, page in enumerate(pages):
            word = self.place.label(block, page) << 40 | self.count
            self.buffer[i * PAGE:(i + 1) * PAGE] = \
                struct.pack("<Q", word) * (PAGE // 8)
        fd = self.sync_fd if self.rng.random() < 0.05 else self.fd
        with self.view(pages) as view:
            os.pwritev(fd, [view], self.place.offset(block, pages[0]))
        for page in pages:
            self.held[block, page] = (self.count, before)

    def op_read(self):
        block, pages = self.choose()
        for page, data in zip(pages, self.read(block, pages)):
            self.verify(block, page, data)

    def verify(self, block, page, data):
        count, before = self.held.get((block, page), (0, 0))
        if not any(data):
            if count and self.progress.all_begun(block) == before:
                self.die(block, page, "write %d is lost: zeros" % count)
            return 0
        word = self.place.label(block, page) << 40 | count
        if data != struct.pack("<Q", word) * (PAGE // 8):
            self.die(block, page, "holds %s, and not write %d"
                     % (data[:8].hex(), count))
        return count

    def op_read_other(self):
        """While it is being written, it may be partly old."""
        block, _ = self.choose()
        row = self.rng.randrange(self.place.pages // ROW) * ROW
        pages = range(row, row + ROW)
        for page, data in zip(pages, self.read(block, pages)):
            for word, in struct.iter_unpack("<Q", data):
                if word and word >> 40 != self.place.label(block, page):
                    self.die(block, page, "holds %x, another's" % word)

    def clear(self, block, first, count, how):
        cell = self.number * self.place.blocks + block
        pos = self.place.offset(block, first)
        self.progress.begun[cell] += 1
        if how is None:
            fallocate_zero(self.fd, pos, count * PAGE)
        else:
            fcntl.ioctl(self.fd, how, struct.pack("QQ", pos, count * PAGE))
        self.progress.ended[cell] += 1
        if how != BLKDISCARD:
            for page in range(first, first + count):
                self.held.pop((block, page), None)

    def op_clear(self):
        block, pages = self.choose()
        how = self.rng.choice([BLKDISCARD, BLKZEROOUT, None])
        if self.rng.random() < 0.7:
            self.clear(block, 0, self.place.whole // PAGE, how)
        else:
            first = pages[0]
            self.clear(block, first,
                       self.rng.randint(1, self.place.pages - first), how)

    def op_flush(self):
        os.fsync(self.fd)

    def go(self, end):
        ops = [self.op_write] * 12 + [self.op_clear] * 2 + [self.op_flush]
        if self.number % 2:
            ops += [self.op_read] * 8 + [self.op_read_other] * 4
        done = 0
        while time.monotonic() < end:
            self.rng.choice(ops)()
            done += 1
        return done

    def survey(self):
        """What each of its pages holds now; it will stay."""
        for block in range(self.place.blocks):
            for row in self.place.rows(self.number):
                pages = range(row, row + ROW)
                for page, data in zip(pages, self.read(block, pages)):
                    yield block, page, self.verify(block, page, data)


def read_state(path):
    with open(path, encoding="ascii") as text:
        for line in text:
            block, page, count = map(int, line.split())
            yield block, page, count


def check(fd, place, state):
    buffer = mmap.mmap(-1, PAGE)
    paths = glob.glob(state + ".*")
    if not paths:
        sys.exit("no worker has left " + state)
    for path in paths:
        for block, page, count in read_state(path):
            word = place.label(block, page) << 40 | count if count else 0
            os.preadv(fd, [buffer], place.offset(block, page))
            if buffer[:] != struct.pack("<Q", word) * (PAGE // 8):
                sys.exit("block %d, page %d: holds %s, and not write %d"
                         % (block, page, buffer[:8].hex(), count))
        print(path, "is right")


def work(worker, seconds, barrier, state):
    """All together, and again together to look at the outcome."""
    path = "%s.%d" % (state, worker.number)
    try:
        if os.path.exists(path):
            worker.resume(read_state(path))
        barrier.wait()
        done = worker.go(time.monotonic() + seconds)
        barrier.wait()
        held = list(worker.survey())
    except threading.BrokenBarrierError:
        sys.exit(1)
    except (SystemExit, OSError) as why:
        barrier.abort()
        sys.exit(str(why))
    print("worker %d: %d operations" % (worker.number, done))
    if state:
        with open(path, "w", encoding="ascii") as out:
            out.writelines("%d %d %d\n" % page for page in held)


def run(args, fd, place):
    sync_fd = os.open(args.device, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
    progress = Progress(args.workers, args.blocks)
    barrier = multiprocessing.Barrier(args.workers)
    children = []
    print("seed", args.seed, flush=True)
    for number in range(args.workers):
        worker = Worker(number, fd, sync_fd, place, progress,
                        random.Random(args.seed + number))
        children.append(multiprocessing.Process(
            target=work, args=(worker, args.seconds, barrier, args.state)))
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        sys.exit("not all of the workers were content")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("device")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=16)
    parser.add_argument("--whole", type=int, default=1 << 20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--state")
    parser.add_argument("--check")
    args = parser.parse_args()
    fd = os.open(args.device, os.O_RDWR | os.O_DIRECT)
    place = Place(fd, args)
    if args.check:
        check(fd, place, args.check)
    else:
        run(args, fd, place)


if __name__ == "__main__":
    main()
