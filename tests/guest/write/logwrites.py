#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""logwrites.py [--torn] LOG IMAGE COMMAND...: what a crash at each flush would
leave.

Replays the log of a dm-log-writes device to IMAGE, and wherever a flush had
made all before it durable, and at each mark, runs COMMAND with the mark's text
("" at a flush) and that of the last mark added.  Stops if the command fails.
--torn: also before each flush, with some of the writes that it made durable: a
disk may have written them or not, in any order.
"""
import random
import struct
import subprocess
import sys

# The mark that dm-log-writes itself makes.
END = "dm-log-writes-end"
MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


def entries(log):
    magic, version, count, sector = struct.unpack("<QQQI", log.read(28))
    if magic != MAGIC or version != 1:
        sys.exit("not a log of dm-log-writes")
    log.seek(sector)
    for _ in range(count):
        head = log.read(sector)
        pos, sectors, flags, length = struct.unpack("<QQQQ", head[:32])
        mark = head[32:32 + length].decode() if flags & MARK else ""
        data = b""
        if sectors and not flags & (DISCARD | MARK):
            data = log.read(sectors * sector)
        yield flags, pos * sector, sectors * sector, data, mark


class Replay:
    def __init__(self, out, command, torn):
        self.out = out
        self.command = command
        self.torn = torn
        self.pending = []
        self.points = 0
        self.last = ""

    def check(self, mark, what):
        self.points += 1
        if subprocess.run(self.command + [mark, self.last]).returncode:
            sys.exit("at point %d, %s, after mark %r" % (self.points, what,
                                                         self.last))

    def apply(self, pos, data):
        self.out.seek(pos)
        self.out.write(data)

    # What is left out now is written by settle(), in order with the rest.
    def tear(self):
        seed = random.randrange(1 << 30)
        rng = random.Random(seed)
        some = [write for write in self.pending if rng.random() < 0.5]
        if self.torn and 0 < len(some) < len(self.pending):
            for pos, data in some:
                self.apply(pos, data)
            self.check("", "torn with seed %d" % seed)

    def settle(self):
        for pos, data in self.pending:
            self.apply(pos, data)
        self.pending = []

    def take(self, flags, pos, length, data, mark):
        if flags & MARK:
            self.settle()
            known = "" if mark == END else mark
            self.last = known or self.last
            self.check(known, "a mark")
        if flags & FLUSH:
            self.tear()
            self.settle()
            self.check("", "a flush")
        if not flags & MARK and length:
            # As the loop device that was logged did, and was seen to do.
            write = pos, bytes(length) if flags & DISCARD else data
            if flags & FUA:
                self.apply(*write)
            else:
                self.pending.append(write)


def main():
    args = sys.argv[1:]
    torn = args[0] == "--torn"
    path, image, *command = args[torn:]
    with open(path, "rb") as log, open(image, "r+b", buffering=0) as out:
        replay = Replay(out, command, torn)
        for entry in entries(log):
            replay.take(*entry)
    print(replay.points)


if __name__ == "__main__":
    main()
