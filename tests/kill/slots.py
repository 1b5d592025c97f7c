#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""slots.py DEVICE verify|write DIRECTORY

write: each of two writers has a part of the disk to itself, of slots of 4 KiB,
and writes the number of the step all over the slot that the number is hashed to;
after some steps it flushes, and notes the last number in DIRECTORY.  The second
half of the disk is filled and discarded meanwhile.
verify: every slot has the last step that was flushed, or a later one.
"""
import fcntl
import mmap
import os
import random
import struct
import sys

from notes import Notes, WRITERS, run_writers, started

SLOT = 4096
SLOTS = (16 << 20) // SLOT
BLKDISCARD = 0x1277
MIB = 1 << 20
# Steps between two flushes, at most.
BATCH = 20


def slot_of(step):
    return step * 2654435761 % SLOTS


def last_step(notes):
    last = 0
    for line in notes.lines():
        last = int(line[1])
    return last


def verify(fd, start, last):
    want = {}
    for step in range(max(1, last - SLOTS + 1), last + 1):
        want[slot_of(step)] = step
    buffer = mmap.mmap(-1, MIB)
    for at in range(0, SLOTS * SLOT, MIB):
        os.preadv(fd, [buffer], start + at)
        for slot in range(at // SLOT, (at + MIB) // SLOT):
            data = buffer[slot * SLOT - at:(slot + 1) * SLOT - at]
            got, = struct.unpack("<Q", data[:8])
            if data != data[:8] * (SLOT // 8):
                sys.exit("kill: slot %d is torn" % slot)
            if got < want.get(slot, 0) or got > last + BATCH:
                sys.exit("kill: slot %d has step %d, but step %d was flushed"
                         % (slot, got, want.get(slot, 0)))
            if got and slot_of(got) != slot:
                sys.exit("kill: slot %d has the step %d of slot %d"
                         % (slot, got, slot_of(got)))


def write_on(fd, start, notes):
    rng = random.Random()
    buffer = mmap.mmap(-1, SLOT)
    step = last_step(notes)
    half = os.lseek(fd, 0, os.SEEK_END) // 2 // MIB * MIB
    while True:
        for _ in range(rng.randint(1, BATCH)):
            step += 1
            buffer[:] = struct.pack("<Q", step) * (SLOT // 8)
            os.pwritev(fd, [buffer], start + slot_of(step) * SLOT)
            os.pwritev(fd, [buffer],
                       half + rng.randrange(half // SLOT) * SLOT)
        if rng.random() < 0.3:
            fcntl.ioctl(fd, BLKDISCARD, struct.pack(
                "QQ", half + rng.randrange(half // MIB - 1) * MIB, 2 * MIB))
        os.fsync(fd)
        notes.note("safe", step)


def main():
    device, what, directory = sys.argv[1:]
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    writers = [(writer * SLOTS * SLOT, Notes(directory, writer))
               for writer in range(WRITERS)]
    if what == "verify":
        for start, notes in writers:
            verify(fd, start, last_step(notes))
        return
    run_writers(lambda n: write_on(fd, *writers[n]))
    started(directory)


if __name__ == "__main__":
    main()
