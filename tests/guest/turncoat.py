#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A symlink that leads elsewhere each time it is read.

Usage: turncoat.py DIR TARGET...

Mounts a file system at DIR, over FUSE, with one symlink in it, "link". The first
who reads it gets the first target, and so on; the last target is for all that
come later.  It ends when DIR is unmounted.

This is what somebody does who may write to a directory and swaps a link between
two look-ups of one name, but it never comes too late.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, READLINK = 1, 2, 3, 5
INIT, INTERRUPT, DESTROY, BATCH_FORGET = 26, 36, 38, 42
ROOT, LINK = 1, 2


def attributes(node):
    """struct fuse_attr."""
    mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFLNK | 0o777
    return struct.pack("=6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0,
                       0, 4096, 0)


def answer(opcode, node, data, targets):
    """Returns what is sent back, or a negative errno."""
    if opcode == INIT:
        return struct.pack("=4I2H2I2H8I", 7, 31, 0, 0, 8, 6, 4096, 1, 1, 0,
                           *[0] * 8)
    if opcode == LOOKUP and data == b"link\0":
        return struct.pack("=4Q2I", LINK, 0, 0, 0, 0, 0) + attributes(LINK)
    if opcode == LOOKUP:
        return -errno.ENOENT
    if opcode == GETATTR:
        return struct.pack("=Q2I", 0, 0, 0) + attributes(node)
    if opcode == READLINK:
        return os.fsencode(targets.pop(0) if len(targets) > 1 else targets[0])
    return -errno.ENOSYS


def serve(fuse, targets):
    """Answers until the file system is unmounted."""
    while True:
        try:
            request = os.read(fuse, 1 << 17)
        except OSError as err:
            if err.errno == errno.ENODEV:
                return
            raise
        _, opcode, unique, node = struct.unpack_from("=2I2Q", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        out = answer(opcode, node, request[40:], targets)
        error, out = (out, b"") if isinstance(out, int) else (0, out)
        os.write(fuse, struct.pack("=IiQ", 16 + len(out), error, unique) + out)
        if opcode == DESTROY:
            return


def main():
    where, targets = sys.argv[1], sys.argv[2:]
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"turncoat", where.encode(), b"fuse", 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    if os.fork() == 0:
        serve(fuse, targets)


main()
