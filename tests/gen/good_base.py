# SPDX-License-Identifier: GPL-2.0-only
"""What the three files of good images share: how a case is registered, and a
way to put content into most of a disk.
"""
from content import Stamp
from corpus import Cases
from ondisk import KIB

CASES = Cases()
QEMU, LIBVHDI = "qemu-img", "libvhdi"
REPLAY = QEMU + " replay"       # qemu-img, on a copy it may repair
BOTH = (QEMU, LIBVHDI)


def good(readers=BOTH, inert=False):
    """Register a valid image.

    `readers` are the independent programs that read it as the format says;
    one that is missing from the list was tried and failed, or cannot.
    `inert` marks a dirty log whose replay changes nothing.
    """
    return lambda function: CASES.register(function, readers=list(readers),
                                           inert=inert)


def scribble(image, tag=1, every=3):
    """Write in most blocks: whole ones, heads, tails; leave some alone."""
    for block in range(image.blocks):
        start, end = image.extent(block)
        how = block % every
        if how == 0:
            image.write(start, end - start, Stamp(tag))
        elif how == 1:
            image.write(start, min(64 * KIB, end - start), Stamp(tag))
            image.write(end - image.lss, image.lss, Stamp(tag + 1))
    return image
