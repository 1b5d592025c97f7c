#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""filesums.py DIR...: print a line for each file below, with a hash of its
length and of where it has which data.

Holes are not read, so that sparse files of terabytes take no time: a file that
was written to, or whose holes were filled, has another hash.  What was read
is not left in the page cache.
"""
import hashlib
import os
import sys

PIECE = 1 << 20


def extents(fd, size):
    """(start, end) of what is no hole."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:             # nothing but a hole is left
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def digest(path):
    fd = os.open(path, os.O_RDONLY)
    size = os.fstat(fd).st_size
    total = hashlib.sha256(str(size).encode())
    for start, end in extents(fd, size):
        total.update(f" {start} {end} ".encode())
        for at in range(start, end, PIECE):
            total.update(os.pread(fd, min(PIECE, end - at), at))
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    return total.hexdigest()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for top in sys.argv[1:]:
        for directory, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                print(digest(path), path)


if __name__ == "__main__":
    main()
