#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""kill.py DEVICE DIRECTORY [--end]: write until killed.

Step N writes its number all over the slot of 4 KiB that N is hashed to, in the
first half of the disk; the second half is filled and discarded meanwhile.  After
some steps all is flushed, and the last one's number goes to DIRECTORY/flushed.
Each start verifies that every slot has the last step that was flushed, or a
later one; what is wrong is said in DIRECTORY/bad.
--end: only verify.
"""
import fcntl
import mmap
import os
import random
import struct
import sys

SLOT = 4096
SLOTS = (32 << 20) // SLOT
BLKDISCARD = 0x1277
MIB = 1 << 20


def slot_of(step):
    return step * 2654435761 % SLOTS


def verify(fd, last, directory):
    want = {}
    for step in range(max(1, last - SLOTS + 1), last + 1):
        want[slot_of(step)] = step
    buffer = mmap.mmap(-1, MIB)
    for at in range(0, SLOTS * SLOT, MIB):
        os.preadv(fd, [buffer], at)
        for slot in range(at // SLOT, (at + MIB) // SLOT):
            data = buffer[slot * SLOT - at:(slot + 1) * SLOT - at]
            got, = struct.unpack("<Q", data[:8])
            if data != data[:8] * (SLOT // 8) or got < want.get(slot, 0):
                with open(os.path.join(directory, "bad"), "w",
                          encoding="ascii") as out:
                    print("slot %d has step %d, but step %d was flushed"
                          % (slot, got, want.get(slot, 0)), file=out)
                sys.exit("verification failed")


def write_on(fd, step, path):
    rng = random.Random()
    buffer = mmap.mmap(-1, SLOT)
    while True:
        for _ in range(rng.randint(1, 20)):
            step += 1
            buffer[:] = struct.pack("<Q", step) * (SLOT // 8)
            os.pwritev(fd, [buffer], slot_of(step) * SLOT)
            os.pwritev(fd, [buffer],
                       32 * MIB + rng.randrange(32 * MIB // SLOT) * SLOT)
        if rng.random() < 0.3:
            fcntl.ioctl(fd, BLKDISCARD, struct.pack(
                "QQ", (32 + rng.randrange(30)) * MIB, 2 * MIB))
        os.fsync(fd)
        with open(path + ".new", "w", encoding="ascii") as out:
            print(step, file=out)
        os.rename(path + ".new", path)


def main():
    device, directory = sys.argv[1:3]
    path = os.path.join(directory, "flushed")
    last = 0
    if os.path.exists(path):
        with open(path, encoding="ascii") as text:
            last = int(text.read())
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    verify(fd, last, directory)
    if sys.argv[3:] != ["--end"]:
        write_on(fd, last, path)


if __name__ == "__main__":
    main()
