# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: region tables."""
from evil_base import dynamic, refuse, tolerate
import ondisk
from ondisk import BAT, METADATA, MIB, Region
from vhdx import Extra


def entry(image, which, **fields):
    """Set fields of a region's entry in both copies of the table."""
    for table in image.tables:
        for name, value in fields.items():
            setattr(table.find(which), name, value)


def listed(image, offset, length, required=0, guid=ondisk.guid("unknown")):
    """List another region in both copies."""
    for table in image.tables:
        table.entries.append(Region(guid, offset, length, required))


def both(image, **fields):
    for table in image.tables:
        for name, value in fields.items():
            setattr(table, name, value)


def with_extra(name):
    """An image with an optional region of 1 MiB, known to no one."""
    return dynamic(name, extras=[Extra(ondisk.guid("unknown"))])


@tolerate("4", "warning")
def region_copy_one_torn(image):
    """Copy 1 fails its checksum: copy 2 serves."""
    image.tables[0].checksum = 5


@tolerate("4", "warning")
def region_copy_one_signature(image):
    """Copy 1 has lost its signature."""
    image.tables[0].signature = b"Regi"


@tolerate("4", "warning")
def region_copy_two_torn(image):
    """Copy 2 fails its checksum."""
    image.tables[1].checksum = 5


@tolerate("4", "warning")
def region_copies_differ(image):
    """Both copies are valid; copy 2 has the BAT at an empty place. Copy 1
    is the one to use."""
    image.file_size += 2 * MIB
    image.tables[1].find(BAT).offset = image.file_size - MIB


@refuse("4")
def region_tables_signature(image):
    """Neither copy has its signature."""
    both(image, signature=b"iger")


@refuse("4")
def region_tables_checksum(image):
    """Neither copy has the right checksum."""
    both(image, checksum=0)


@refuse("4")
def region_count_2048(image):
    """EntryCount is one more than a table holds."""
    both(image, count=2048)


@refuse("4")
def region_count_max(image):
    """EntryCount is 2^32 - 1."""
    both(image, count=(1 << 32) - 1)


@refuse("4")
def region_count_zero(image):
    """EntryCount 0: neither BAT nor metadata."""
    both(image, count=0)


@refuse("4")
def region_bat_missing(image):
    """No BAT region."""
    for table in image.tables:
        table.entries.remove(table.find(BAT))


@refuse("4")
def region_metadata_missing(image):
    """No metadata region."""
    for table in image.tables:
        table.entries.remove(table.find(METADATA))


@refuse("4", base=with_extra)
def region_unknown_required(image):
    """A region that no one knows is required."""
    entry(image, ondisk.guid("unknown"), required=1)


@refuse("4", base=with_extra)
def region_unknown_required_copy_one(image):
    """Only copy 1 requires the unknown region; it is valid, so it counts."""
    image.tables[0].find(ondisk.guid("unknown")).required = 1


@refuse("4")
def region_bat_twice(image):
    """The BAT is listed twice."""
    listed(image, image.bat_offset, image.bat_length, 1, BAT)


@refuse("4", base=with_extra)
def region_unknown_twice(image):
    """An optional region is listed twice, at different places."""
    image.file_size += MIB
    listed(image, image.file_size - MIB, MIB)


@refuse("4")
def region_bat_unaligned(image):
    """The BAT's offset is no multiple of 1 MiB."""
    entry(image, BAT, offset=image.bat_offset + 4096)


@refuse("4")
def region_metadata_unaligned(image):
    """The metadata region's offset is no multiple of 1 MiB."""
    entry(image, METADATA, offset=image.meta_offset + 512 * 1024)


@refuse("4")
def region_bat_length_unaligned(image):
    """The BAT's length is no multiple of 1 MiB."""
    entry(image, BAT, length=64 * 1024)


@refuse("4")
def region_bat_length_zero(image):
    """The BAT's length is 0."""
    entry(image, BAT, length=0)


@refuse("4")
def region_metadata_length_zero(image):
    """The metadata region's length is 0."""
    entry(image, METADATA, length=0)


@refuse("4")
def region_bat_on_headers(image):
    """The BAT lies at offset 0."""
    entry(image, BAT, offset=0)


@refuse("4")
def region_bat_past_end(image):
    """The BAT begins where the file ends."""
    entry(image, BAT, offset=image.file_size)


@refuse("4")
def region_bat_ends_past_end(image):
    """The BAT is longer than the rest of the file."""
    entry(image, BAT, length=64 * MIB)


@refuse("4")
def region_bat_overflow(image):
    """Offset and length of the BAT add up to 2^64."""
    entry(image, BAT, offset=(1 << 64) - MIB)


@refuse("4")
def region_metadata_past_end(image):
    """The metadata region begins past the end of the file."""
    entry(image, METADATA, offset=1 << 40)


@refuse("4")
def region_bat_on_metadata(image):
    """The metadata region runs into the BAT."""
    entry(image, METADATA, length=2 * MIB)


@refuse("4")
def region_bat_on_log(image):
    """The BAT lies on the log."""
    entry(image, BAT, offset=image.log_offset)


@refuse("4")
def region_unknown_on_bat(image):
    """An optional region lies on the BAT."""
    listed(image, image.bat_offset, MIB)


@refuse("4")
def region_unknown_past_end(image):
    """An optional region lies past the end of the file."""
    listed(image, image.file_size, MIB)


@refuse("4")
def region_unknown_unaligned(image):
    """An optional region's offset is no multiple of 1 MiB."""
    listed(image, image.placed[3] + 512, MIB)


@refuse("4")
def region_unknown_length_zero(image):
    """An optional region's length is 0."""
    listed(image, image.placed[3], 0)


@tolerate("4", "warning", base=with_extra)
def region_reserved_bits(image):
    """Reserved bits beside Required are set."""
    entry(image, ondisk.guid("unknown"), required=0xfffffffe)


@tolerate("4")
def region_reserved_word(image):
    """The reserved word of the tables' header is set."""
    both(image, reserved=0x55aa55aa)


@tolerate("4")
def region_many(image):
    """All 2047 entries are in use, the known regions last."""
    base, unknown = image.file_size, 2045
    image.file_size += unknown * MIB
    for table in image.tables:
        table.entries[:0] = [Region(ondisk.guid("many", n), base + n * MIB,
                                    MIB, 0) for n in range(unknown)]
