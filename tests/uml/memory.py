#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""memory.py hog|swap MIB, memory.py write|verify DEVICE MIB

hog     takes that much memory a MiB at a time, or until the kernel kills the
        process that does; and again
write   writes to the device through the page cache, and flushes
verify  looks whether it has that
swap    takes that much memory, changes it page by page in random order, and
        verifies it
"""
import ctypes
import mmap
import os
import random
import sys
import time

MIB = 1 << 20
PAGE = 4096
# Not shared, which would make it a file in a tmpfs.
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def content(number):
    """What the MiB of that number holds: each page of it differs."""
    return b"".join(b"%16d" % (number * 256 + page) * (PAGE // 16)
                    for page in range(256))


def take(mib):
    """In a process of its own, which the kernel kills first."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")
    ctypes.CDLL(None).prctl(15, b"hog", 0, 0, 0)
    held = []
    for _ in range(mib):
        piece = mmap.mmap(-1, MIB, ANONYMOUS)
        for at in range(0, MIB, PAGE):
            piece[at] = 1
        held.append(piece)
    time.sleep(1)


def hog(mib):
    rounds = killed = 0
    while True:
        pid = os.fork()
        if not pid:
            take(mib)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        rounds += 1
        killed += os.WIFSIGNALED(status)
        print("%d times, and was killed %d times" % (rounds, killed),
              flush=True)


def write(device, mib):
    start = time.monotonic()
    fd = os.open(device, os.O_WRONLY)
    for number in range(mib):
        os.pwrite(fd, content(number), number * MIB)
    os.fsync(fd)
    os.close(fd)
    print("%d s" % (time.monotonic() - start))


def verify(device, mib):
    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, MIB)
    for number in range(mib):
        os.preadv(fd, [buffer], number * MIB)
        if buffer[:] != content(number):
            sys.exit("MiB %d differs" % number)


def swapped_out():
    with open("/proc/meminfo", encoding="ascii") as info:
        number = {line.split(":")[0]: int(line.split()[1]) for line in info}
    return (number["SwapTotal"] - number["SwapFree"]) // 1024


def swap(mib):
    start = time.monotonic()
    pages = mib * 256
    memory = mmap.mmap(-1, mib * MIB, ANONYMOUS)
    stamps = [0] * pages
    rng = random.Random(1)

    def stamp(page, value):
        memory[page * PAGE:(page + 1) * PAGE] = \
            b"%16d" % (page * 1000 + value) * (PAGE // 16)
        stamps[page] = value

    def look(page):
        if memory[page * PAGE:(page + 1) * PAGE] != \
                b"%16d" % (page * 1000 + stamps[page]) * (PAGE // 16):
            sys.exit("page %d has changed" % page)

    for page in range(pages):
        stamp(page, 1)
    out = swapped_out()
    if out < mib // 4:
        sys.exit("only %d MiB were swapped out" % out)
    for _ in range(pages // 2):
        page = rng.randrange(pages)
        look(page)
        stamp(page, stamps[page] + 1)
    for page in range(pages):
        look(page)
    print("%d MiB were out at a time, %d s" % (
        out, time.monotonic() - start))


def main():
    if len(sys.argv) == 3 and sys.argv[1] in ("hog", "swap"):
        {"hog": hog, "swap": swap}[sys.argv[1]](int(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] in ("write", "verify"):
        {"write": write, "verify": verify}[sys.argv[1]](
            sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
