# SPDX-License-Identifier: GPL-2.0-only
"""Where hostile images lie, and what lies beside them.

Both stores are given the files of an image, child first, and return the names
for the table.  They remember all that the module may not change: the parents,
and canaries beside the files, or before and behind each part of the disk.
"""
import os
import random
import sys

import devmapper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "guest"))
from filesums import digest     # noqa: E402

MIB = 1 << 20
PAGE = 4096
CANARY = 64 << 10


class Changed(Exception):
    """Bytes are not what they were, and nobody may have changed them."""


def pattern(*name):
    return random.Random(repr(name)).randbytes(CANARY)


class Files:
    """Images in a file system, each in a directory of its own."""

    name = "file"
    longest = 1 << 40

    def __init__(self, directory):
        self.directory = directory
        self.sums = {}

    def place(self, paths):
        folder = os.path.dirname(paths[0])
        others = list(paths[1:])
        for at in range(2):
            others.append(os.path.join(folder, f"canary-{at}"))
            with open(others[-1], "wb") as out:
                out.write(pattern(folder, at))
        self.sums = {path: digest(path) for path in others}
        self.child = paths[0], digest(paths[0])
        return paths

    def check(self):
        """Of what is no part of the child."""
        for path, was in self.sums.items():
            if digest(path) != was:
                raise Changed(path)

    def check_child(self):
        if digest(self.child[0]) != self.child[1]:
            raise Changed(self.child[0])

    def take_away(self):
        pass


class Blocks:
    """Images on parts of a disk, each a device of dm-linear over a loop device
    over a file.  The file is read, so that no cache stands in between."""

    name = "block"
    longest = 128 * MIB

    def __init__(self, loop, backing):
        self.loop, self.backing = loop, backing
        self.size = os.stat(backing).st_size
        self.devices, self.same = [], []
        self.child = None

    def place(self, paths):
        os.truncate(self.backing, 0)
        os.truncate(self.backing, self.size)
        self.same, self.devices = [], []
        at = self._canary(0)
        for path in paths:
            start, at = at, self._copy(path, at)
            name = f"part-{len(self.devices)}"
            devmapper.create(name, (at - start) // 512, "linear",
                             f"{self.loop} {start // 512}")
            self.devices.append(name)
            part = start, at, self._sum(start, at)
            if path == paths[0]:
                self.child = part
            else:
                self.same.append(part)
            at = self._canary(at)
        return ["/dev/mapper/" + name for name in self.devices]

    def _canary(self, at):
        with open(self.backing, "r+b") as out:
            out.seek(at)
            out.write(pattern(at))
        self.same.append((at, at + CANARY, self._sum(at, at + CANARY)))
        return at + CANARY

    def _copy(self, path, at):
        """Returns the part's end: that of the file, or a bit behind it."""
        size = os.stat(path).st_size
        with open(path, "rb") as source, open(self.backing, "r+b") as out:
            for start, end in _extents(source.fileno(), 0, size):
                source.seek(start)
                out.seek(at + start)
                out.write(source.read(end - start))
        slack = random.Random(size).choice((0, 0, PAGE, MIB, 24 * MIB))
        return at + max(-(-size // 512) * 512 + slack, PAGE)

    def _sum(self, start, end):
        """Of what is not zero: tmpfs may give a page to what is."""
        total = {}
        with open(self.backing, "rb") as source:
            for first, last in _extents(source.fileno(), start, end):
                for at in range(first - first % PAGE, last, PAGE):
                    source.seek(max(at, start))
                    page = source.read(min(at + PAGE, end) - max(at, start))
                    if page.strip(b"\0"):
                        total[at] = hash(page)
        return total

    def check(self):
        for start, end, was in self.same:
            if self._sum(start, end) != was:
                raise Changed(f"bytes {start} to {end} of the disk, of which "
                              f"the image has {self.child[0]} to "
                              f"{self.child[1]}")

    def check_child(self):
        start, end, was = self.child
        now = self._sum(start, end)
        if now != was:
            where = min(at for at, _ in now.items() ^ was.items())
            raise Changed(f"the image, at {where - start}")

    def take_away(self):
        while self.devices:
            devmapper.remove(self.devices.pop())


def _extents(fd, start, end):
    """(start, end) of what is no hole."""
    while start < end:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError:             # nothing but a hole is left
            return
        if start >= end:
            return
        hole = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        yield start, hole
        start = hole
