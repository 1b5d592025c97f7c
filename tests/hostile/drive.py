#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""drive.py SEEDS FIRST COUNT file DIR | block LOOP BACKING: in a guest, open
hostile images, read, write, discard, and close them.

Images FIRST to FIRST + COUNT - 1, as the program "images" makes them, are put
in DIR, or on the loop device LOOP over the file BACKING.  Each becomes a
device that is read-only first, and the image must not change; then one that is
written to, and nothing may change but the image.  I/O may fail, but not with
any error; what was written must be read again at once.

A failure ends it, with the image's number; so does an image that takes longer
than any can.  Ends with a line of counts, as NAME=VALUE.
"""
import collections
import errno
import fcntl
import mmap
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import devmapper
from stores import Blocks, Changed, Files, MIB

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 600                  # seconds: no image takes as long on any machine
OPERATIONS = 24
LONGEST = MIB + 4096
BLKDISCARD, BLKZEROOUT = 0x1277, 0x127f
FEATURES = "4 no_space_timeout 1 bat_cache 64"
DEVICE = "hostile"
# What a disk may say to any request.
MAY_FAIL = {errno.EIO, errno.ENOSPC, errno.EOPNOTSUPP}
STATS = collections.Counter()


class Wrong(Exception):
    """The device did what it must not do."""


class Disk:
    """A device of the module, and what is done to it."""

    def __init__(self, path, sector, rng, writable):
        self.name = os.path.basename(path)
        self.fd = os.open(path, os.O_DIRECT |
                          (os.O_RDWR if writable else os.O_RDONLY))
        self.size = os.lseek(self.fd, 0, os.SEEK_END)
        self.sector, self.rng = sector, rng
        self.buffer = mmap.mmap(-1, LONGEST)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def range(self, longest=LONGEST):
        """At a boundary of a block, or anywhere; often the disk's end."""
        rng = self.rng
        length = min(rng.choice((self.sector, 4096, 64 << 10, longest)),
                     longest)
        near = rng.choice((0, self.size, rng.randrange(self.size),
                           MIB * rng.randrange(64)))
        at = near + rng.choice((0, -length, -length // 2, self.sector))
        at = max(0, min(at, self.size - self.sector))
        at -= at % self.sector
        length = min(length, self.size - at)
        return at, max(length - length % self.sector, self.sector)

    def read(self, at, length):
        got = os.preadv(self.fd, [memoryview(self.buffer)[:length]], at)
        if got != length:
            raise Wrong(f"{got} of {length} bytes read at {at}")
        return self.buffer[:length]

    def reads(self):
        self.read(*self.range())

    def expect(self, at, want, what):
        """Of what nobody else changed in between."""
        if self.read(at, len(want)) != want:
            raise Wrong(f"{what} of {len(want)} bytes at {at} is not read")

    def writes(self):
        at, length = self.range()
        data = self.rng.randbytes(512) * (length // 512)
        self.buffer[:length] = data
        os.pwritev(self.fd, [memoryview(self.buffer)[:length]], at)
        STATS["written"] += 1
        self.expect(at, data, "a write")

    def discards(self):
        fcntl.ioctl(self.fd, BLKDISCARD, struct.pack(
            "QQ", *self.range(self.rng.choice((LONGEST, 64 * MIB, 1 << 34)))))
        STATS["discarded"] += 1

    def zeroes(self):
        at, length = self.range(self.rng.choice((LONGEST, 64 * MIB)))
        fcntl.ioctl(self.fd, BLKZEROOUT, struct.pack("QQ", at, length))
        self.expect(at, bytes(min(length, LONGEST)), "zeroing")

    def flushes(self):
        os.fsync(self.fd)

    def suspends(self):
        devmapper.suspend(self.name)
        devmapper.resume(self.name)

    def asks(self):
        devmapper.message(self.name, "checkpoint")

    def looks(self):
        devmapper.status(self.name)


READS = [Disk.reads] * 4 + [Disk.looks]
WRITES = READS + [Disk.writes] * 6 + [Disk.discards] * 3 + [
    Disk.zeroes, Disk.zeroes, Disk.flushes, Disk.asks, Disk.suspends]


def operate(disk, choices, count):
    for _ in range(count):
        try:
            disk.rng.choice(choices)(disk)
        except OSError as err:
            if err.errno not in MAY_FAIL:
                raise
            STATS[errno.errorcode[err.errno]] += 1


def with_device(table, image, writable, rng):
    """Whether the module takes the table; then with its device."""
    try:
        path = devmapper.create(DEVICE, image["sectors"] or 16384, "vhdx",
                                table, not writable)
    except OSError:
        return False
    try:
        with Disk(path, image["sector"], rng, writable) as disk:
            operate(disk, WRITES if writable else READS,
                    OPERATIONS if writable else 6)
    finally:
        devmapper.remove(DEVICE)
    return True


def features(layers, rng):
    """Those of the table; parents need not be the right ones."""
    ignore = layers > 1 and rng.randrange(2)
    return " 3 no_space_timeout 1 ignore_id_mismatch" if ignore else \
        " " + FEATURES


def try_image(store, image, rng):
    paths = [os.path.join(image["folder"], f"layer-{i}.vhdx")
             for i in range(image["layers"])]
    table = " ".join(store.place(paths)) + features(len(paths), rng)
    try:
        STATS["images"] += 1
        STATS["read"] += with_device(table, image, False, rng)
        store.check()
        store.check_child()
        STATS["writable"] += with_device(table, image, True, rng)
        store.check()
    finally:
        store.take_away()


def make(seeds, store, directory, numbers):
    """Writes the images; what the program says of each."""
    done = subprocess.run([os.path.join(HERE, "build", "images"), seeds,
                           str(store.longest), directory,
                           *map(str, numbers)],
                          check=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        number, layers, sectors, sector, log, seed = line.split("\t")
        STATS["chains"] += int(layers) > 1
        STATS["dirty"] += log == "dirty"
        yield {"number": int(number), "layers": int(layers), "seed": seed,
               "sectors": int(sectors), "sector": int(sector),
               "folder": os.path.join(directory, number)}


def tell_kernel(text):
    with open("/dev/kmsg", "w", encoding="ascii") as log:
        log.write(f"vhdx-test: {text}\n")


def work(seeds, numbers, store, directory, say):
    """All images; calls say() before each."""
    for image in list(make(seeds, store, directory, numbers)):
        text = f"image {image['number']} ({image['seed']}), {store.name} store"
        say(text)
        tell_kernel(text)
        try:
            try_image(store, image, random.Random(image["number"]))
        except (OSError, Wrong, Changed) as err:
            traceback.print_exc()
            sys.exit(f"{text}: {type(err).__name__}: {err}")
        shutil.rmtree(image["folder"])
    print(" ".join(f"{name}={value}" for name, value in STATS.items()))


def watch(pid, pipe):
    """Waits for the worker; its exit status, or 1 if it does nothing more."""
    text, said = "no image yet", time.monotonic()
    while True:
        ready, _, _ = select.select([pipe], [], [], PATIENCE)
        if not ready:
            print(f"{text}: nothing for {time.monotonic() - said:.0f} s",
                  file=sys.stderr)
            os.kill(pid, signal.SIGKILL)
            return 1
        got = os.read(pipe, 4096)
        if not got:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status < 0:
                print(f"{text}: signal {-status}", file=sys.stderr)
            return status
        text, said = got.decode().splitlines()[-1], time.monotonic()


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    seeds, first, count, kind, *where = sys.argv[1:]
    numbers = range(int(first), int(first) + int(count))
    pipe, end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(end)
        sys.exit(watch(pid, pipe))
    store = Files(where[0]) if kind == "file" else Blocks(*where)
    with tempfile.TemporaryDirectory(
            dir=where[0] if kind == "file" else None) as directory:
        work(seeds, numbers, store, directory,
             lambda text: os.write(end, text.encode() + b"\n"))


if __name__ == "__main__":
    main()
