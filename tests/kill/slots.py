#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""slots.py DEVICE verify|write DIRECTORY

write: each of two writers goes round and round in blocks of its own.  It
discards a block, writes the number of the step all over some pages of it, one a
step, and goes on to the next one, so that there are always blocks that came and
went a moment ago.  After some steps it flushes, and notes the last number in
DIRECTORY.
verify: each page has the step that was flushed, what was under way then, or
zeros if neither is to be.
"""
import fcntl
import mmap
import os
import random
import struct
import sys

from notes import Notes, WRITERS, run_writers, started

PAGE = 4096
BLOCK = 1 << 20
PAGES = BLOCK // PAGE
# Of each writer; and pages of a block that are written.
RING = 20
SLOTS = 4
# Steps between two flushes, at most.
BATCH = 20
BLKDISCARD = 0x1277


def last_step(notes):
    """The first one is SLOTS: no page has the number 0."""
    last = SLOTS - 1
    for line in notes.lines():
        last = int(line[1])
    return last


def page_of(slot):
    return (slot * 61 + 7) % PAGES


def allowed(last, block, slot):
    """The steps that a slot may have if this one was the last to be flushed."""
    reach = last + BATCH
    turn = last // SLOTS // RING * RING + block
    if turn > last // SLOTS:
        turn -= RING
    step = turn * SLOTS + slot
    steps = set()
    if turn < 1 or step > last:
        steps.add(0)
    if turn >= 1 and step <= reach:
        steps.add(step)
    if (turn + RING) * SLOTS <= reach:
        steps |= {0, step + RING * SLOTS}
    return steps


def verify_block(data, last, block):
    slots = {page_of(slot): slot for slot in range(SLOTS)}
    for page in range(PAGES):
        got = data[page * PAGE:(page + 1) * PAGE]
        if page not in slots:
            steps = {0}
        else:
            steps = allowed(last, block, slots[page])
        if not any(got == struct.pack("<Q", step) * (PAGE // 8)
                   for step in steps):
            sys.exit("kill: block %d, page %d holds %s; %d was flushed last, "
                     "so it may be one of %s"
                     % (block, page, got[:8].hex(), last, sorted(steps)))


def verify(fd, start, last):
    buffer = mmap.mmap(-1, BLOCK)
    for block in range(RING):
        os.preadv(fd, [buffer], start + block * BLOCK)
        verify_block(buffer[:], last, block)


def write_on(fd, start, notes):
    rng = random.Random()
    buffer = mmap.mmap(-1, PAGE)
    step = last_step(notes)
    while True:
        for _ in range(rng.randint(1, BATCH)):
            step += 1
            pos = start + step // SLOTS % RING * BLOCK
            if step % SLOTS == 0:
                fcntl.ioctl(fd, BLKDISCARD, struct.pack("QQ", pos, BLOCK))
            buffer[:] = struct.pack("<Q", step) * (PAGE // 8)
            os.pwritev(fd, [buffer], pos + page_of(step % SLOTS) * PAGE)
        os.fsync(fd)
        notes.note("safe", step)


def main():
    device, what, directory = sys.argv[1:]
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    writers = [(writer * RING * BLOCK, Notes(directory, writer))
               for writer in range(WRITERS)]
    if what == "verify":
        for start, notes in writers:
            verify(fd, start, last_step(notes))
        return
    run_writers(lambda n: write_on(fd, *writers[n]))
    started(directory)


if __name__ == "__main__":
    main()
