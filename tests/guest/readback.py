#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""readback.py [OPTION]... whole|ranges|faults|flaky: read devices and compare.

Takes lines from standard input, "DEVICE<tab>IMAGE<tab>TEST", where IMAGE is a
name in the inputs' index, and prints for each "ok<tab>TEST", or "not ok",
the test, and what was wrong.  All reads are direct (O_DIRECT).

 whole    the size, and every byte of the disk, or its probes if it is huge;
          where the index knows of no content, that it can be read
 ranges   ranges at random, from one sector to a MiB, none of them aligned to
          more than sectors, each from several threads at once
 faults   the probes, and that a read where the index says so gives EIO
 flaky    ranges at random, for some seconds: each is right or gives EIO, and
          both happens

Options:
 --sha256       whole: compute the SHA-256 of what was read too
 --count N      ranges: how many for each device (200)
 --seed N       ranges, flaky: of the random numbers (1)
 --seconds N    flaky: for how long (5)
 --mark         write "vhdx-test: IMAGE" to the kernel's log before each
 --pace N       after each N lines wait for as long as the kernel's limit on
                messages lasts

$VHDX_INPUTS is what the script "inputs" made.
"""
import argparse
from concurrent.futures import ThreadPoolExecutor
import errno
import hashlib
import json
import mmap
import os
import random
import sys
import time

MIB = 1 << 20
ZEROS = bytes(MIB)
THREADS = 4
RATELIMIT = 5.1                 # seconds, see linux/ratelimit_types.h
INPUTS = os.environ["VHDX_INPUTS"]


class Wrong(Exception):
    """What was read is not what should be there."""


class Device:
    """A block device, read past the page cache."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        self.size = os.lseek(self._fd, 0, os.SEEK_END)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def read(self, offset, length, buffer=None):
        """Bytes, by way of a buffer that is aligned as it must be."""
        buffer = buffer or mmap.mmap(-1, max(length, mmap.PAGESIZE))
        got = os.preadv(self._fd, [memoryview(buffer)[:length]], offset)
        if got != length:
            raise Wrong(f"{got} bytes of {length} at {offset}")
        return buffer[:length]


def flat_path(name):
    return os.path.join(INPUTS, "flat", name)


def first_difference(offset, got, want):
    for at in range(0, len(want), 512):
        if got[at:at + 512] != want[at:at + 512]:
            return f"the sector at {offset + at} is wrong"
    return "no difference"


def check_probes(device, image):
    for probe in image["probes"]:
        got = device.read(probe["offset"], probe["length"])
        if hashlib.sha256(got).hexdigest() != probe["sha256"]:
            raise Wrong(f"{probe['length']} bytes at {probe['offset']} "
                        "are wrong")


def check_bytes(device, name, image, digest):
    """Compare with the flat file, whose hash is known to be right."""
    used, buffer = set(image["used"]), mmap.mmap(-1, MIB)
    flat = os.open(flat_path(name), os.O_RDONLY)
    for at in range(0, image["size"], MIB):
        length = min(MIB, image["size"] - at)
        got = device.read(at, length, buffer)
        want = ZEROS[:length]
        if at // MIB in used:
            want = os.pread(flat, length, at)
        if got != want:
            raise Wrong(first_difference(at, got, want))
        if digest:
            digest.update(got)
    os.posix_fadvise(flat, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(flat)


def whole(path, name, image, options):
    digest = hashlib.sha256() if options.sha256 else None
    with Device(path) as device:
        if image.get("size") not in (None, device.size):
            raise Wrong(f"{device.size} bytes, not {image['size']}")
        if image["used"] is not None:
            check_bytes(device, name, image, digest)
        elif not image["probes"]:
            digest = hashlib.sha256()
            for at in range(0, device.size, MIB):
                digest.update(device.read(at, min(MIB, device.size - at)))
        check_probes(device, image)
    if digest and image["sha256"] not in (None, digest.hexdigest()):
        raise Wrong(f"SHA-256 {digest.hexdigest()}, not {image['sha256']}")


def random_ranges(image, options):
    """Half of them where there is data, and over the borders of MiB."""
    rng = random.Random(options.seed)
    sector, size = image["lss"], image["size"]
    for turn in range(options.count):
        length = sector * rng.choice((1, 2, 3, 9, 17, rng.randrange(1, 257)))
        start = rng.randrange(0, size, sector)
        if turn % 2 and image["used"]:
            start = rng.choice(image["used"]) * MIB
            start += sector * rng.randrange(-16, MIB // sector)
        start = max(0, min(start, size - length))
        if start + length <= size:
            yield start, length


def ranges(path, name, image, options):
    with Device(path) as device, open(flat_path(name), "rb") as flat, \
            ThreadPoolExecutor(THREADS) as pool:
        def compare(item):
            start, length = item
            want = os.pread(flat.fileno(), length, start)
            got = device.read(start, length)
            if got != want:
                raise Wrong(first_difference(start, got, want))
        list(pool.map(compare, random_ranges(image, options)))


def faults(path, _name, image, _options):
    """Reads of one sector, as the page cache is not to widen them."""
    with Device(path) as device:
        check_probes(device, image)
        try:
            device.read(image["at"], 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise Wrong(f"the faulty range gives {error}") from error
        else:
            raise Wrong(f"the faulty range at {image['at']} can be read")
        check_probes(device, image)


def flaky(path, name, image, options):
    end, right, failed = time.monotonic() + options.seconds, 0, 0
    with Device(path) as device, open(flat_path(name), "rb") as flat:
        while time.monotonic() < end:
            options.seed += 1
            for start, length in random_ranges(image, options):
                want = os.pread(flat.fileno(), length, start)
                try:
                    got = device.read(start, length)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    failed += 1
                    continue
                if got != want:
                    raise Wrong(first_difference(start, got, want))
                right += 1
    if not right or not failed:
        raise Wrong(f"{right} reads were right, {failed} gave EIO")


def run(test, line, index, options):
    path, name, title = line.rstrip("\n").split("\t")
    if options.mark:
        with open("/dev/kmsg", "w", encoding="utf-8") as log:
            log.write(f"vhdx-test: {name}\n")
    try:
        test(path, name, index[name], options)
    except (Wrong, OSError) as wrong:
        return f"not ok\t{title}\t{wrong}"
    return f"ok\t{title}"


TESTS = {"whole": whole, "ranges": ranges, "faults": faults, "flaky": flaky}


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mode", choices=TESTS)
    parser.add_argument("--sha256", action="store_true")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--mark", action="store_true")
    parser.add_argument("--pace", type=int)
    options = parser.parse_args()
    with open(os.path.join(INPUTS, "index.json"), encoding="utf-8") as text:
        index = json.load(text)
    test = TESTS[options.mode]
    for number, line in enumerate(sys.stdin):
        if options.pace and number and number % options.pace == 0:
            time.sleep(RATELIMIT)
        print(run(test, line, index, options), flush=True)


if __name__ == "__main__":
    main()
