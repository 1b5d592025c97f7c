#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""files.py MOUNTPOINT verify|write DIRECTORY

write: two writers make, replace, overwrite and remove files, each in a directory
of its own, and note in DIRECTORY which are safe: a file is, with its sum, when
fsync() has returned for it and for its directory; and before it is touched
again, what it may become is noted.  Files that nobody syncs, and trims, come in
between; it is mounted so that what is removed is discarded.
verify: each file that is safe is there and has its sum, or one of those it was
about to get.
"""
import errno
import fcntl
import hashlib
import os
import random
import struct
import sys
import time

from notes import Notes, WRITERS, run_writers, started

# Of each writer; what all of them have takes no more than half of the disk.
FILES = 20
UNSAFE = 4
# Half of the files are so large that they have blocks of the image, of 1 MiB, to
# themselves, which come and go with them.
LARGE = (1 << 20, 3 << 20)
SMALL = 256 << 10
FITRIM = 0xC0185879
GONE = "-"
ANY = "*"
# Seconds to wait for room: a limit that only a full file system meets.
PATIENCE = 300


def expected(notes):
    """The sums that each name may have."""
    wanted = {}
    for kind, name, digest in notes.lines():
        if kind == "safe":
            wanted[name] = {digest}
        else:
            wanted.setdefault(name, {GONE}).add(digest)
    return wanted


def write_some(out, data):
    """How much of it there was room for."""
    try:
        return out.write(data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return 0


def sum_of(path):
    if not os.path.exists(path):
        return GONE
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()


def verify(directory, notes):
    for name, sums in expected(notes).items():
        got = sum_of(os.path.join(directory, name))
        if got not in sums and (ANY not in sums or got == GONE):
            sys.exit("kill: %s in %s has the sum %s, and not one of %s"
                     % (name, directory, got, " ".join(sorted(sums))))


class Writer:
    def __init__(self, directory, notes):
        self.rng = random.Random()
        self.notes = notes
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.dir_fd = os.open(directory, os.O_RDONLY)
        disk = os.fstatvfs(self.dir_fd)
        self.share = disk.f_blocks * disk.f_frsize // 2 // WRITERS
        self.serial = 0
        self.names = self.tidy()

    def path(self, name):
        return os.path.join(self.directory, name)

    def tidy(self):
        """What may have been becomes what is, and what nobody synced goes."""
        wanted = expected(self.notes)
        there = set(os.listdir(self.directory))
        for name in there - set(wanted):
            os.unlink(self.path(name))
        for name, sums in wanted.items():
            self.serial = max(self.serial, int(name))
            if len(sums) > 1:
                if name in there:
                    self.sync(name)
                self.safe(name, sum_of(self.path(name)))
        return sorted(there & set(wanted))

    def safe(self, name, digest):
        os.fsync(self.dir_fd)
        self.notes.note("safe", name, digest)

    def sync(self, name):
        fd = os.open(self.path(name), os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    def data(self):
        """Compresses no better than what people have, and differs."""
        if self.rng.random() < 0.5:
            size = self.rng.randint(*LARGE)
        else:
            size = int(SMALL ** self.rng.random()) + 1
        data = self.rng.randbytes(size)
        return data, hashlib.sha256(data).hexdigest()

    def put(self, name, data, mode, sync=True):
        with open(self.path(name), mode, buffering=0) as out:
            done = write_some(out, data)
            for _ in range(PATIENCE):
                if done == len(data):
                    break
                # What others gave up is of use when it has been discarded.
                os.sync()
                time.sleep(1)
                done += write_some(out, data[done:])
            if done != len(data):
                sys.exit("kill: %s: the file system is full" % name)
            if sync:
                os.fsync(out.fileno())

    def make(self):
        self.serial += 1
        name = str(self.serial)
        data, digest = self.data()
        self.notes.note("maybe", name, ANY)
        self.put(name, data, "wb")
        self.safe(name, digest)
        self.names.append(name)

    def replace(self):
        name = self.rng.choice(self.names)
        data, digest = self.data()
        self.notes.note("maybe", name, digest)
        self.put("temporary", data, "wb")
        os.rename(self.path("temporary"), self.path(name))
        self.safe(name, digest)

    def overwrite(self):
        name = self.rng.choice(self.names)
        data, digest = self.data()
        self.notes.note("maybe", name, ANY)
        self.put(name, data, "r+b")
        os.truncate(self.path(name), len(data))
        self.sync(name)
        self.safe(name, digest)

    def remove(self):
        name = self.rng.choice(self.names)
        self.names.remove(name)
        self.notes.note("maybe", name, GONE)
        os.unlink(self.path(name))
        self.safe(name, GONE)

    def scribble(self):
        self.put("unsafe-%d" % self.rng.randrange(UNSAFE), self.data()[0], "wb",
                 sync=False)

    def trim(self):
        fcntl.ioctl(self.dir_fd, FITRIM, struct.pack("QQQ", 0, 2 ** 64 - 1, 0))

    def has_room(self):
        """For one more file, of any size."""
        taken = sum(entry.stat().st_size for entry in os.scandir(self.directory))
        return taken + LARGE[1] <= self.share

    def make_room(self):
        for name in os.listdir(self.directory):
            if name.startswith("unsafe-"):
                os.unlink(self.path(name))
                return
        self.remove()

    def go(self):
        others = [self.replace] * 3 + [self.overwrite] * 3 + \
            [self.scribble] * 3 + [self.remove] * 2
        while True:
            if not self.has_room():
                self.make_room()
            elif len(self.names) < self.rng.randrange(1, FILES):
                self.make()
            elif self.rng.random() < 0.05:
                self.trim()
            else:
                self.rng.choice(others)()


def main():
    mount, what, directory = sys.argv[1:]
    writers = [(os.path.join(mount, str(writer)), Notes(directory, writer))
               for writer in range(WRITERS)]
    if what == "verify":
        for where, notes in writers:
            verify(where, notes)
        return
    run_writers(lambda n: Writer(*writers[n]).go())
    started(directory)


if __name__ == "__main__":
    main()
