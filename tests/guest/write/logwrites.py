#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""logwrites.py LOG IMAGE COMMAND...: what a crash at each flush would leave.

Replays the log of a dm-log-writes device to IMAGE, and wherever a flush had
made all before it durable, and at each mark, runs COMMAND with the mark's text
("" at a flush) added.  Stops if the command fails.
"""
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


def main():
    path, image, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    points = 0
    with open(path, "rb") as log, open(image, "r+b", buffering=0) as out:
        for flags, pos, length, data, mark in entries(log):
            if flags & (FLUSH | MARK):
                points += 1
                known = "" if mark == END else mark
                if subprocess.run(command + [known]).returncode:
                    sys.exit("at point %d (mark %r)" % (points, mark))
            out.seek(pos)
            # As the loop device that was logged did, and was seen to do.
            out.write(bytes(length) if flags & DISCARD else data)
    print(points)


if __name__ == "__main__":
    main()
