# SPDX-License-Identifier: GPL-2.0-only
"""Good images without a parent: geometry, layout, block states."""
from content import Byte, Stamp
from good_base import LIBVHDI, QEMU, good, scribble
import ondisk
from ondisk import (GIB, KIB, MIB, NOT_PRESENT, TIB, UNDEFINED, UNMAPPED,
                    ZERO, Item, guid)
from vhdx import Extra, Image


@good()
def dynamic():
    """Dynamic, 2 MiB blocks, the way Windows lays a file out."""
    return scribble(Image("dynamic", 17 * MIB))


@good()
def fixed():
    """Fixed: every block is present, some hold zeros."""
    return scribble(Image("fixed", 16 * MIB, fixed=True))


@good()
def empty():
    """Dynamic with nothing allocated: the file ends after the BAT."""
    return Image("empty", 64 * MIB, block_size=32 * MIB)


@good()
def sectors_512_512():
    """512-byte physical sectors."""
    return scribble(Image("sectors-512-512", 16 * MIB, pss=512))


@good((LIBVHDI,))
def sectors_4096():
    """4096-byte sectors, logical and physical."""
    return scribble(Image("sectors-4096", 16 * MIB, lss=4096))


@good((LIBVHDI,))
def sectors_4096_512():
    """Logical sectors larger than physical ones, as some writers say."""
    return scribble(Image("sectors-4096-512", 16 * MIB, lss=4096, pss=512))


@good()
def block_1m():
    """The smallest block."""
    return scribble(Image("block-1m", 24 * MIB, block_size=MIB))


@good((LIBVHDI,))
def block_1m_4096():
    """The smallest block with the larger sector."""
    return scribble(Image("block-1m-4096", 24 * MIB, block_size=MIB,
                          lss=4096))


@good()
def block_256m():
    """The largest block, and a disk that ends inside its second one."""
    image = Image("block-256m", 300 * MIB, block_size=256 * MIB)
    for at in (0, 100 * MIB, 256 * MIB - 4096, 256 * MIB, 299 * MIB):
        image.write(at, 4096, Stamp(1))
    return image


@good()
def two_chunks():
    """More than one chunk: bitmap slots interleave with the payload's."""
    image = Image("two-chunks", 4 * GIB + 40 * MIB, block_size=32 * MIB)
    for at in (0, 4 * GIB - MIB, 4 * GIB, 4 * GIB + 39 * MIB):
        image.write(at, MIB, Stamp(1))
    image.set_state(5, ZERO)
    return image


@good()
def two_chunks_1m():
    """More than one chunk of 1 MiB blocks, 4096 a chunk."""
    image = Image("two-chunks-1m", 4 * GIB + 5 * MIB, block_size=MIB,
                  placement="shuffled")
    for block in (0, 1, 511, 512, 513, 4094, 4095, 4096, 4097, 4100):
        image.write(block * MIB, MIB, Stamp(1))
    return image


@good(())
def two_chunks_4096():
    """More than one chunk of 4096-byte sectors, 32 GiB each."""
    image = Image("two-chunks-4096", 32 * GIB + 40 * MIB, lss=4096,
                  block_size=32 * MIB)
    for at in (0, 32 * GIB - MIB, 32 * GIB, 32 * GIB + 39 * MIB):
        image.write(at, MIB, Stamp(1))
    return image


@good()
def size_off_block():
    """A virtual size that is no multiple of the block size."""
    return scribble(Image("size-off-block", 9 * MIB + 512 * 3))


@good()
def size_below_block():
    """A disk smaller than its only block."""
    return scribble(Image("size-below-block", 3 * MIB, block_size=32 * MIB))


@good()
def size_one_sector():
    """The smallest disk there is."""
    return Image("size-one-sector", 512).write(0, 512, Stamp(1))


@good()
def blocks_descending():
    """Blocks lie in the file in reverse."""
    return scribble(Image("blocks-descending", 17 * MIB,
                          placement="descending"))


@good()
def blocks_shuffled():
    """Blocks lie in the file in no order."""
    return scribble(Image("blocks-shuffled", 33 * MIB, block_size=MIB,
                          placement="shuffled"))


@good()
def blocks_rotated():
    """Two runs of contiguous blocks, the later one first."""
    image = Image("blocks-rotated", 16 * MIB, placement="rotated")
    return image.write(0, 16 * MIB, Stamp(1))


@good()
def blocks_contiguous():
    """Every block present and contiguous: one bio may cross them all."""
    image = Image("blocks-contiguous", 16 * MIB)
    return image.write(0, 16 * MIB, Stamp(1))


@good()
def blocks_gaps():
    """Free space before each block; offsets no multiple of the block."""
    return scribble(Image("blocks-gaps", 17 * MIB, gap=3 * MIB))


@good()
def blocks_far():
    """Payload begins at 5 GiB: file offsets beyond 32 bits."""
    return scribble(Image("blocks-far", 8 * MIB, data_start=5 * GIB + MIB))


@good()
def file_tail():
    """The file's length is no multiple of 1 MiB, nor of 4 KiB."""
    return scribble(Image("file-tail", 8 * MIB, tail=0x200 + 1))


@good()
def file_short_last():
    """The last block of the file stops where the disk stops."""
    return scribble(Image("file-short-last", 8 * MIB + 512 * 3,
                          short_last=True), every=2)


@good()
def disk2vhd():
    """Disk2vhd's manner: equal headers, metadata first, an odd length."""
    image = scribble(Image("disk2vhd", 8 * MIB, sequences=(1, 1),
                           order=("metadata", "bat", "log"),
                           region_order=("metadata", "bat"), tail=0x200,
                           creator="d2v"))
    image.prepare()
    image.headers[1].file_write = image.headers[0].file_write
    return image


@good()
def qemu_manner():
    """QEMU's manner: Required=0 on regions, 8 MiB blocks, 512/512."""
    return scribble(Image("qemu-manner", 20 * MIB, block_size=8 * MIB,
                          pss=512, region_required=0, creator="QEMU v7.2.22",
                          sequences=(0x7c2a11e0, 0x7c2a11df)))


@good()
def qemu_fixed():
    """QEMU's fixed images: full size, yet every block in state ZERO."""
    image = Image("qemu-fixed", 8 * MIB, fixed=True, region_required=0,
                  tail=8 * MIB)
    for block in range(4):
        image.set_state(block, ZERO)
    return image


@good()
def structures_permuted():
    """BAT at 1 MiB, then the metadata, the log last."""
    return scribble(Image("structures-permuted", 8 * MIB,
                          order=("bat", "metadata", "log")))


@good()
def structures_roomy():
    """A log of 8 MiB and a BAT region four times as large as needed."""
    return scribble(Image("structures-roomy", 8 * MIB, log_length=8 * MIB,
                          bat_length=4 * MIB))


@good((QEMU,))
def optional_parts():
    """Unknown optional regions and metadata items, user and system."""
    image = Image("optional-parts", 8 * MIB, region_order=(
        "metadata", guid("optional-parts", "one"), "bat"), extras=[
            Extra(guid("optional-parts", "one")),
            Extra(guid("optional-parts", "two"), 3 * MIB)], items=[
                Item(guid("optional-parts", "user"), b"user's own",
                     ondisk.IS_USER),
                Item(guid("optional-parts", "disk"), bytes(range(256)),
                     ondisk.IS_VIRTUAL_DISK),
                Item(guid("optional-parts", "void"), b"", ondisk.IS_USER)])
    return scribble(image)


@good()
def items_unordered():
    """Metadata items at odd places, in reverse order."""
    return scribble(Image("items-unordered", 8 * MIB, item_first=0x1ffd1,
                          item_align=7, item_order=(4, 3, 2, 1, 0)))


@good()
def states():
    """Every state a dynamic image may hold; all but one read as zeros."""
    image = Image("states", 10 * MIB)
    image.write(8 * MIB, 2 * MIB, Stamp(1))
    for block, state in enumerate((NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED)):
        image.set_state(block, state)
    return image


@good()
def soft_anchors():
    """Undefined and unmapped blocks that keep space full of old data."""
    image = Image("soft-anchors", 10 * MIB)
    image.write(0, 10 * MIB, Stamp(1))
    image.set_state(1, UNDEFINED, anchor=True)
    image.set_state(3, UNMAPPED, anchor=True)
    return image


@good()
def zero_after_write():
    """A block that was zeroed, then written in part: present over zeros."""
    image = Image("zero-after-write", 6 * MIB)
    image.write(0, 6 * MIB, Stamp(1))
    image.set_state(1, ZERO)
    return image.write(3 * MIB, 512, Stamp(2))


@good()
def present_zeros():
    """Blocks that are present and hold nothing but zeros."""
    return Image("present-zeros", 8 * MIB).write(0, 8 * MIB, Byte(0))


@good(())
def huge_64t():
    """64 TiB in 1 MiB blocks: a BAT of 513 MiB, all but empty."""
    image = Image("huge-64t", 64 * TIB, block_size=MIB,
                  placement="shuffled")
    for block in (0, 1, 4095, 4096, 1 << 20, (1 << 25) + 77, (1 << 26) - 2,
                  (1 << 26) - 1):
        image.write(block * MIB, 128 * KIB, Stamp(1))
        image.write((block + 1) * MIB - 4096, 4096, Stamp(2))
    return image


@good(())
def huge_64t_32m():
    """64 TiB in 32 MiB blocks: a BAT of 17 MiB."""
    image = Image("huge-64t-32m", 64 * TIB, block_size=32 * MIB)
    for at in (0, 4 * GIB - MIB, 4 * GIB, 31 * TIB, 64 * TIB - MIB):
        image.write(at, MIB, Stamp(1))
    return image
