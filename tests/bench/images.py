#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write the images of the benchmark into a directory.

    images.py full DIRECTORY MIB
        flat.raw        what the disk holds, MIB mebibytes
        ordered.vhdx    the same, dynamic, all blocks present, 32 MiB, in order
        shuffled.vhdx   the same, 1 MiB blocks, out of order

    images.py huge DIRECTORY
        huge.vhdx       64 TiB in 1 MiB blocks, three of them present, so that
                        the BAT is 513 MiB, and almost all of it a hole
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "gen"))
# pylint: disable=wrong-import-position
from content import Stamp
from ondisk import MIB, TIB
from vhdx import Image


def full(directory, size):
    image = Image("ordered", size, block_size=32 * MIB)
    image.write(0, size, Stamp(1)).save(directory)
    image = Image("shuffled", size, block_size=MIB, placement="shuffled")
    image.write(0, size, Stamp(1)).save(directory)
    with open(os.path.join(directory, "flat.raw"), "wb") as out:
        for at in range(0, size, MIB):
            out.write(Stamp(1).data(at, MIB))


def huge(directory):
    image = Image("huge", 64 * TIB, block_size=MIB)
    for block in (0, image.blocks // 2, image.blocks - 1):
        image.write(block * MIB, MIB, Stamp(2))
    image.save(directory)


def main(what=None, directory=None, size=None):
    if what == "full" and size:
        full(directory, int(size) * MIB)
    elif what == "huge" and directory and not size:
        huge(directory)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:4])
