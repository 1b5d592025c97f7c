# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: the metadata table, each of its items, and a BAT too small."""
import struct

from content import Stamp
from evil_base import child, dynamic, refuse, tolerate
import ondisk
from ondisk import GIB, MIB, Item
from vhdx import Image


def find(image, which):
    return image.metadata.find(which)


def user(image, count=1, **fields):
    """Add user items that hold a few bytes each."""
    for number in range(count):
        image.metadata.items.append(
            Item(ondisk.guid("user", number), b"user", ondisk.IS_USER))
    for name, value in fields.items():
        setattr(image.metadata.items[-1], name, value)


def value(image, which, form, *numbers):
    """Give an item another value of the right length."""
    item = find(image, which)
    new = struct.pack(form, *numbers)
    assert len(new) == len(item.value)
    item.value = new


# --- the table ------------------------------------------------------------

@refuse("8")
def metadata_signature(image):
    """The table's signature is "Metadata"."""
    image.metadata.signature = b"Metadata"


@refuse("8")
def metadata_zero(image):
    """The metadata region is zeros."""
    image.patches.append((image.meta_offset, bytes(ondisk.TABLE_SIZE)))


@refuse("8")
def metadata_count_2048(image):
    """EntryCount is one more than a table holds."""
    image.metadata.count = 2048


@refuse("8")
def metadata_count_zero(image):
    """EntryCount 0."""
    image.metadata.count = 0


@refuse("8")
def metadata_user_1025(image):
    """One user item more than a table may have."""
    user(image, 1025)


@tolerate("8")
def metadata_user_1024(image):
    """As many user items as a table may have."""
    user(image, 1024)


@tolerate("8")
def metadata_reserved(image):
    """Reserved bytes of the table's header are set."""
    image.metadata.reserved = b"\xff" * 20


@refuse("8")
def item_before_items(image):
    """An item's offset lies inside the table."""
    user(image, offset=0x8000)


@refuse("8")
def item_outside_region(image):
    """An item ends past the metadata region."""
    user(image, offset=MIB - 2, value=b"")
    image.metadata.items[-1].length = 4


@refuse("8")
def item_offset_overflow(image):
    """Offset and length of an item add up to 2^32."""
    user(image, offset=0xfffffffc, value=b"")
    image.metadata.items[-1].length = 4


@refuse("8")
def item_too_long(image):
    """An item of 1 MiB and one byte, in a region of 2 MiB."""
    for table in image.tables:
        table.find(ondisk.METADATA).length = 2 * MIB
        table.find(ondisk.METADATA).offset = image.file_size
    image.meta_offset = image.file_size
    image.file_size += 2 * MIB
    user(image, length=MIB + 1)


@refuse("8")
def item_empty_with_offset(image):
    """An item of length 0 has an offset."""
    user(image, value=b"", offset=0x20000)


@tolerate("8")
def item_empty(image):
    """An item of length 0 and offset 0 is present and empty."""
    user(image, value=b"", offset=0)


@refuse("8")
def item_overlap(image):
    """Two items share a byte."""
    image.metadata.place()
    user(image, offset=find(image, ondisk.DISK_ID).offset + 15)


@refuse("8")
def item_same_place(image):
    """Two items lie at the same place."""
    image.metadata.place()
    user(image, offset=find(image, ondisk.DISK_ID).offset,
         value=find(image, ondisk.DISK_ID).value)


@refuse("8")
def item_twice(image):
    """A system item is listed twice, with the same value."""
    one = find(image, ondisk.LOGICAL_SECTOR)
    image.metadata.items.append(Item(one.guid, one.value, one.flags))


@refuse("8")
def item_user_twice(image):
    """A user item is listed twice."""
    user(image)
    user(image)


@tolerate("8")
def item_user_namesake(image):
    """A user item bears the GUID of a system item: they are two items."""
    user(image, guid=ondisk.LOGICAL_SECTOR, value=b"\0\0\1\0")


@refuse("8")
def item_unknown_required(image):
    """A system item that no one knows is required."""
    user(image, flags=ondisk.IS_REQUIRED)


@refuse("8")
def item_unknown_required_user(image):
    """A user item is required."""
    user(image, flags=ondisk.IS_REQUIRED | ondisk.IS_USER)


@refuse("8")
def item_incomplete_file(image):
    """The mark of an image whose creation never ended."""
    user(image, guid=ondisk.INCOMPLETE_FILE, flags=ondisk.IS_REQUIRED,
         value=b"", offset=0)


@tolerate("8", "warning")
def item_reserved_flags(image):
    """Reserved flags of an item's entry are set."""
    user(image, flags=0xfffffff8 | ondisk.IS_USER)


@tolerate("8")
def item_reserved_word(image):
    """The reserved word of an item's entry is set."""
    user(image, reserved=1)


@tolerate("8")
def item_required_missing(image):
    """No known item is marked required."""
    for item in image.metadata.items:
        item.flags &= ~ondisk.IS_REQUIRED


@tolerate("8")
def item_virtual_disk_wrong(image):
    """Every known item has IsVirtualDisk the wrong way round."""
    for item in image.metadata.items:
        item.flags ^= ondisk.IS_VIRTUAL_DISK


# --- each item missing, and each of a wrong length --------------------------

NAMES = {"parameters": ondisk.FILE_PARAMETERS, "size": ondisk.DISK_SIZE,
         "id": ondisk.DISK_ID, "logical": ondisk.LOGICAL_SECTOR,
         "physical": ondisk.PHYSICAL_SECTOR}


def item_cases(short, which):
    """Three cases for one of the five items that every image has."""
    def missing(image):
        image.metadata.items.remove(find(image, which))

    def one_short(image):
        find(image, which).value = find(image, which).value[:-1]

    def one_long(image):
        find(image, which).value += b"\0"

    for function, what in ((missing, "is missing"),
                           (one_short, "is one byte too short"),
                           (one_long, "is one byte too long")):
        function.__name__ = f"{short}_{function.__name__}"
        function.__doc__ = f"The {short} item {what}."
        refuse("8")(function)


for _short, _which in NAMES.items():
    item_cases(_short, _which)


# --- values -----------------------------------------------------------------

@refuse("8")
def block_size_zero(image):
    """Block size 0."""
    value(image, ondisk.FILE_PARAMETERS, "<II", 0, 0)


@refuse("8")
def block_size_small(image):
    """Block size 512 KiB."""
    value(image, ondisk.FILE_PARAMETERS, "<II", MIB // 2, 0)


@refuse("8")
def block_size_odd(image):
    """Block size 3 MiB."""
    value(image, ondisk.FILE_PARAMETERS, "<II", 3 * MIB, 0)


@refuse("8")
def block_size_large(image):
    """Block size 512 MiB."""
    value(image, ondisk.FILE_PARAMETERS, "<II", 512 * MIB, 0)


@tolerate("8", "warning")
def parameters_reserved(image):
    """Reserved bits of the file parameters are set."""
    value(image, ondisk.FILE_PARAMETERS, "<II", image.block_size, 0xfffffffc)


@refuse("8")
def size_zero(image):
    """A virtual disk of no size."""
    value(image, ondisk.DISK_SIZE, "<Q", 0)


@refuse("8")
def size_above_64t(image):
    """A virtual disk one sector above 64 TiB."""
    value(image, ondisk.DISK_SIZE, "<Q", (64 << 40) + 512)


@refuse("8")
def size_max(image):
    """A virtual size of 2^64 - 512: sums with it overflow."""
    value(image, ondisk.DISK_SIZE, "<Q", (1 << 64) - 512)


@refuse("8")
def size_unaligned(image):
    """A virtual size of 8 MiB and one byte."""
    value(image, ondisk.DISK_SIZE, "<Q", 8 * MIB + 1)


@refuse("8", base=lambda name: dynamic(name, lss=4096))
def size_unaligned_4096(image):
    """A virtual size that 512 divides, but not the sector of 4096."""
    value(image, ondisk.DISK_SIZE, "<Q", 8 * MIB - 512)


@refuse("8")
def logical_zero(image):
    """Logical sector size 0."""
    value(image, ondisk.LOGICAL_SECTOR, "<I", 0)


@refuse("8")
def logical_1024(image):
    """Logical sector size 1024."""
    value(image, ondisk.LOGICAL_SECTOR, "<I", 1024)


@refuse("8")
def logical_513(image):
    """Logical sector size 513."""
    value(image, ondisk.LOGICAL_SECTOR, "<I", 513)


@refuse("8")
def physical_zero(image):
    """Physical sector size 0."""
    value(image, ondisk.PHYSICAL_SECTOR, "<I", 0)


@refuse("8")
def physical_8192(image):
    """Physical sector size 8192."""
    value(image, ondisk.PHYSICAL_SECTOR, "<I", 8192)


# --- the locator's presence, and the BAT's size ------------------------------

@refuse("8", base=child)
def parent_without_locator(image):
    """HasParent is set and there is no parent locator."""
    image.metadata.items.remove(find(image, ondisk.PARENT_LOCATOR))


@tolerate("8", "warning")
def locator_without_parent(image):
    """A parent locator, but HasParent is not set."""
    image.metadata.items.append(Item(ondisk.PARENT_LOCATOR, ondisk.Locator(
        [("parent_linkage", ondisk.braced(ondisk.guid("nobody"))),
         ("relative_path", ".\\nobody.vhdx")]).encode()))


def large(name):
    """200 GiB in 1 MiB blocks: a BAT of 2 MiB."""
    image = Image(name, 200 * GIB, block_size=MIB)
    return image.write(0, MIB, Stamp(1)).prepare()


@refuse("7", base=large)
def bat_too_small(image):
    """The BAT region holds 131072 entries, the disk has 204849."""
    for table in image.tables:
        table.find(ondisk.BAT).length = MIB


@refuse("7", base=large)
def bat_size_grown(image):
    """The virtual size says 64 TiB, the BAT was made for 200 GiB."""
    value(image, ondisk.DISK_SIZE, "<Q", 64 << 40)


EDGE_BLOCKS = 31 * 4096 + 4065      # 131072 entries exactly, if no parent


def edge(name, parent=None):
    """The most blocks that a BAT of 1 MiB serves without a parent."""
    return Image(name, EDGE_BLOCKS * MIB, block_size=MIB, parent=parent)


@tolerate("7", base=lambda name: edge(name).prepare())
def bat_filled(image):
    """Every entry of the BAT region is in use, to the last one."""
    assert image.bat_length == MIB
    assert image.index(EDGE_BLOCKS - 1) == MIB // 8 - 1


@refuse("7", base=lambda name: edge(name, edge(name + "-base")).prepare())
def bat_too_small_child(image):
    """The BAT region would do for a dynamic image; a differencing one needs
    the last chunk in full, and its bitmap's entry."""
    assert image.bat_length == 2 * MIB
    for table in image.tables:
        table.find(ondisk.BAT).length = MIB
