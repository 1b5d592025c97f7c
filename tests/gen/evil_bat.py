# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: BAT entries and sector bitmaps, which are met only when read.

In the dynamic image, blocks 0, 1 and 3 of 2 MiB are present at 4, 6 and
8 MiB, the file ends at 10 MiB.  In the child, the sector bitmap is at 4 MiB,
block 0 is partially present at 5 MiB, block 2 present at 7 MiB.
"""
from content import Stamp
from evil_base import (check_only, child, dynamic, io_error, late_bitmap,
                       tolerate)
import ondisk
from ondisk import (FULLY_PRESENT, GIB, KIB, MIB, NOT_PRESENT,
                    PARTIALLY_PRESENT, UNDEFINED, UNMAPPED, ZERO, bat_entry)
from vhdx import Extra, Image

ONE = 2 * MIB                       # where block 1 begins


def put(image, block, state, offset=0, reserved=0):
    """Write a payload block's entry."""
    image.bat[image.index(block)] = bat_entry(state, offset, reserved)


def put_bitmap(image, state, offset=0, reserved=0):
    """Write the entry of the first chunk's sector bitmap."""
    image.bat[image.bitmap_index(0)] = bat_entry(state, offset, reserved)


@io_error("7", at=ONE)
def block_state_4(image):
    """State 4 is reserved."""
    put(image, 1, 4, image.placed[1])


@io_error("7", at=ONE)
def block_state_5(image):
    """State 5 is reserved (a draft had it for unmapped blocks)."""
    put(image, 1, 5)


@tolerate("7", "read-only", found="check")
def block_partial_without_parent(image):
    """Partially present in an image without a parent: there is no other
    place for the bytes than this block."""
    put(image, 1, PARTIALLY_PRESENT, image.placed[1])


@io_error("7", at=ONE)
def block_at_zero(image):
    """A present block at offset 0, on the headers."""
    put(image, 1, FULLY_PRESENT, 0)


@io_error("7", at=ONE)
def block_on_log(image):
    """A present block on the log."""
    put(image, 1, FULLY_PRESENT, image.log_offset)


@io_error("7", at=ONE)
def block_on_metadata(image):
    """A present block on the metadata region."""
    put(image, 1, FULLY_PRESENT, image.meta_offset)


@io_error("7", at=ONE)
def block_on_bat(image):
    """A present block on the BAT."""
    put(image, 1, FULLY_PRESENT, image.bat_offset)


@io_error("7", at=ONE, base=lambda name: dynamic(name, extras=[
    Extra(ondisk.guid("unknown"))]))
def block_on_unknown_region(image):
    """A present block on an optional region that no one knows."""
    put(image, 1, FULLY_PRESENT, image.extras[0].offset)


@io_error("7", at=ONE)
def block_past_end(image):
    """A present block past the end of the file."""
    put(image, 1, FULLY_PRESENT, image.file_size + 8 * MIB)


@io_error("7", at=ONE)
def block_at_end(image):
    """A present block that begins where the file ends."""
    put(image, 1, FULLY_PRESENT, image.file_size)


@io_error("7", at=ONE + MIB)
def block_ends_past_end(image):
    """A present block whose second half is past the end of the file."""
    put(image, 1, FULLY_PRESENT, image.file_size - MIB)


@io_error("7", at=ONE)
def block_offset_max(image):
    """The largest offset an entry can hold: its end overflows."""
    put(image, 1, FULLY_PRESENT, (1 << 64) - MIB)


@tolerate("7", "read-only", found="check")
def block_reserved_bits(image):
    """Reserved bits of an entry are set."""
    put(image, 1, FULLY_PRESENT, image.placed[1], reserved=0x1ffff)


@tolerate("7", "warning", found="check")
def block_zero_with_offset(image):
    """State ZERO with an offset, which a writer must not leave."""
    put(image, 2, ZERO, image.placed[1])


@tolerate("7")
def block_absent_with_offset(image):
    """State NOT_PRESENT with an offset, to be ignored."""
    put(image, 2, NOT_PRESENT, image.placed[1])


@tolerate("7", "read-only", found="check")
def block_anchor_past_end(image):
    """State UNDEFINED keeps an offset that is past the end of the file: no
    read goes there, but a file that grew would."""
    put(image, 2, UNDEFINED, image.file_size + MIB)


@check_only("7", "read-only", flat=False)
def blocks_duplicate(image):
    """Two present blocks have the same offset."""
    put(image, 1, FULLY_PRESENT, image.placed[0])


@check_only("1", "read-only", flat=False)
def blocks_overlap(image):
    """Two present blocks share 1 MiB."""
    put(image, 1, FULLY_PRESENT, image.placed[0] + MIB)


@check_only("7", "read-only")
def block_on_anchor(image):
    """An unmapped block keeps space that is a present block's."""
    put(image, 2, UNMAPPED, image.placed[1])


def paged(name):
    """600 blocks of 1 MiB, all present: two pages of BAT."""
    image = Image(name, 600 * MIB, block_size=MIB)
    for block in range(600):
        image.write(block * MIB, 4096, Stamp(1))
    return image.prepare()


@check_only("10.3", "read-only", base=paged, flat=False)
def blocks_qemu_shift(image):
    """QEMU's old bug: in a page of the BAT, each entry repeats the one that
    was before it."""
    old = dict(image.bat)
    for index in range(513, 600):
        image.bat[index] = old[index - 1]


@tolerate("7")
def bat_padding(image):
    """What follows the last entry in the BAT region is garbage."""
    image.patches.append((image.bat_at(4), b"\xff" * 4096))
    image.patches.append((image.bat_offset + MIB - 8, b"\xff" * 8))


def chunks(name):
    """Two chunks of 256 MiB blocks, without a parent."""
    image = Image(name, 4 * GIB + MIB, block_size=256 * MIB)
    image.write(0, 64 * KIB, Stamp(1))
    return image.write(4 * GIB, MIB, Stamp(1)).prepare()


@tolerate("7", base=chunks)
def bitmap_in_dynamic(image):
    """A bitmap entry in an image without a parent is garbage, as QEMU's old
    bug leaves it: to be ignored."""
    put_bitmap(image, FULLY_PRESENT, image.placed[0])


@tolerate("7", base=chunks)
def bitmap_in_dynamic_reserved(image):
    """A bitmap entry of reserved state in an image without a parent."""
    put_bitmap(image, 5, 1 << 50, 77)


# --- sector bitmaps -------------------------------------------------------

@io_error("7", at=0, base=child)
def bitmap_absent(image):
    """A partially present block, and its chunk has no bitmap."""
    put_bitmap(image, NOT_PRESENT)


@io_error("7", at=0, base=child)
def bitmap_undefined(image):
    """The bitmap's entry is in state 1, which only payload blocks have."""
    put_bitmap(image, 1, image.bitmaps[0])


@io_error("7", at=0, base=child)
def bitmap_zero_state(image):
    """The bitmap's entry is in state 2."""
    put_bitmap(image, 2)


@io_error("7", at=0, base=child)
def bitmap_unmapped(image):
    """The bitmap's entry is in state 3."""
    put_bitmap(image, 3, image.bitmaps[0])


@io_error("7", at=0, base=child)
def bitmap_state_5(image):
    """The bitmap's entry is in a state that is reserved."""
    put_bitmap(image, 5, image.bitmaps[0])


@io_error("7", at=0, base=child)
def bitmap_partial(image):
    """The bitmap's entry is in state 7."""
    put_bitmap(image, PARTIALLY_PRESENT, image.bitmaps[0])


@io_error("7", at=0, base=child)
def bitmap_at_zero(image):
    """The bitmap lies at offset 0, on the headers."""
    put_bitmap(image, FULLY_PRESENT, 0)


@io_error("7", at=0, base=child)
def bitmap_on_bat(image):
    """The bitmap lies on the BAT."""
    put_bitmap(image, FULLY_PRESENT, image.bat_offset)


@io_error("7", at=0, base=child)
def bitmap_past_end(image):
    """The bitmap lies past the end of the file."""
    put_bitmap(image, FULLY_PRESENT, image.file_size + MIB)


@io_error("7", at=0, base=child)
def bitmap_offset_max(image):
    """The bitmap's offset is the largest an entry can hold."""
    put_bitmap(image, FULLY_PRESENT, (1 << 64) - MIB)


@tolerate("7", "read-only", base=child, found="check")
def bitmap_reserved_bits(image):
    """Reserved bits of the bitmap's entry are set."""
    put_bitmap(image, FULLY_PRESENT, image.bitmaps[0], reserved=1)


@check_only("1", "read-only", base=child, flat=False)
def bitmap_on_block(image):
    """The bitmap lies on a present block."""
    put_bitmap(image, FULLY_PRESENT, image.placed[2])


@io_error("7", at=4096, base=child)
def partial_past_end(image):
    """A partially present block past the end of the file."""
    put(image, 0, PARTIALLY_PRESENT, image.file_size + MIB)


@io_error("7", at=4096, base=child)
def partial_at_zero(image):
    """A partially present block at offset 0."""
    put(image, 0, PARTIALLY_PRESENT, 0)


# --- files that were cut --------------------------------------------------

@io_error("11", at=6 * MIB)
def cut_last_block(image):
    """The file lost its last block."""
    image.cut = image.placed[3]


@io_error("11", at=8 * MIB - 512)
def cut_inside_last_block(image):
    """The file was cut inside its last block, which the disk fills."""
    image.cut = image.placed[3] + MIB + 100


@io_error("11", at=0, probe=None)
def cut_all_payload(image):
    """All payload is gone; the structures are whole."""
    image.cut = image.placed[0]


@io_error("11", at=4096, base=late_bitmap)
def cut_bitmap(image):
    """The file lost the sector bitmap at its end."""
    image.cut = image.bitmaps[0]
