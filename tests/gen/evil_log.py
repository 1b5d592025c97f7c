# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: log entries and sequences.

Where one invalid entry is all there is, no valid sequence is left and the
image must be refused; where a valid one stands beside it, that one counts.
"""
from evil_base import dirty, dynamic, late_bitmap, refuse, tolerate
from good_log import NOTHING, STALE
from log import Entry, Journal, Zero
import ondisk
from ondisk import KIB, MIB, PAGE


def only(image, *more, **forced):
    """The log holds one entry: the BAT page, `more`, fields forced."""
    journal = image.journal
    return journal.add(journal.data(image.bat_offset), *more, **forced)


def rot(image):
    """A descriptor that would ruin the BAT if it were replayed."""
    page = image.journal.data(image.bat_offset)
    page.page = STALE
    return page


@refuse("5.2", base=dirty)
def entry_signature(image):
    """Signature "Loge"."""
    only(image, signature=b"Loge")


@refuse("5.2", base=dirty)
def entry_checksum(image):
    """Wrong checksum."""
    only(image, checksum=1)


@refuse("5.2", base=dirty)
def entry_bit_flipped(image):
    """One bit of the data changed after the checksum was made."""
    only(image)
    sector = bytearray(image.journal.sectors[PAGE])
    sector[100] ^= 1
    image.journal.sectors[PAGE] = bytes(sector)


@refuse("5.2", base=dirty)
def entry_torn(image):
    """The data sector was never written: it is zeros."""
    only(image)
    image.journal.sectors[PAGE] = bytes(PAGE)


@refuse("5.2", base=dirty)
def entry_guid(image):
    """LogGuid of another session."""
    only(image, guid=ondisk.guid("another session"))


@refuse("5.2", base=dirty)
def entry_length_zero(image):
    """EntryLength 0."""
    only(image, length=0)


@refuse("5.2", base=dirty)
def entry_length_unaligned(image):
    """EntryLength is no multiple of 4 KiB."""
    only(image, length=PAGE + 512)


@refuse("5.2", base=dirty)
def entry_length_short(image):
    """EntryLength leaves out the data sector."""
    only(image, length=PAGE)


@refuse("5.2", base=dirty)
def entry_length_long(image):
    """EntryLength counts a data sector that belongs to no descriptor."""
    only(image, surplus=1)


@refuse("5.2", base=dirty)
def entry_length_beyond_log(image):
    """EntryLength is larger than the log."""
    only(image, length=MIB + PAGE)


@refuse("5.2", base=dirty)
def entry_length_max(image):
    """EntryLength is the largest multiple of 4 KiB in 32 bits."""
    only(image, length=(1 << 32) - PAGE)


@refuse("5.2", base=dirty)
def entry_tail_outside(image):
    """Tail points past the log's end."""
    only(image, tail=MIB)


@refuse("5.2", base=dirty)
def entry_tail_unaligned(image):
    """Tail is no multiple of 4 KiB."""
    only(image, tail=512)


@refuse("5.2", base=dirty)
def entry_sequence_zero(image):
    """SequenceNumber 0."""
    only(image, sequence=0)


@refuse("5.2", base=dirty)
def entry_count_high(image):
    """DescriptorCount is one more than there are."""
    only(image, count=2)


@refuse("5.2", base=dirty)
def entry_count_low(image):
    """DescriptorCount 0 with a descriptor and its data in the entry."""
    only(image, count=0)


@refuse("5.2", base=dirty)
def entry_count_max(image):
    """DescriptorCount 2^32 - 1: 32 times that overflows."""
    only(image, count=(1 << 32) - 1)


@refuse("5.2", base=dirty)
def entry_count_wraps(image):
    """DescriptorCount 2^27 + 1: times 32 it is 1 again in 32 bits."""
    only(image, count=(1 << 27) + 1)


@refuse("5.2", base=dirty)
def descriptor_signature(image):
    """A descriptor that is neither "desc" nor "zero"."""
    image.journal.add(image.journal.data(image.bat_offset,
                                         signature=b"junk"))


@refuse("5.2", base=dirty)
def descriptor_sequence(image):
    """The descriptor's sequence number is not the entry's."""
    image.journal.add(image.journal.data(image.bat_offset, sequence=77))


@refuse("5.2", base=dirty)
def descriptor_unaligned(image):
    """A data descriptor's FileOffset is no multiple of 4 KiB."""
    data = image.journal.data(image.bat_offset)
    data.offset += 512
    image.journal.add(data)


@refuse("5.2", base=dirty)
def zero_offset_unaligned(image):
    """A zero descriptor's FileOffset is no multiple of 4 KiB."""
    only(image, Zero(image.bat_offset + PAGE + 512))


@refuse("5.2", base=dirty)
def zero_length_unaligned(image):
    """A zero descriptor's ZeroLength is no multiple of 4 KiB."""
    only(image, Zero(image.bat_offset + PAGE, 1000))


@refuse("5.2", base=dirty)
def zero_sequence(image):
    """The zero descriptor's sequence number is not the entry's."""
    only(image, Zero(image.bat_offset + PAGE, sequence=1))


@refuse("5.2", base=dirty)
def zero_overflow(image):
    """FileOffset + ZeroLength is above 2^64."""
    only(image, Zero((1 << 64) - PAGE, 2 * PAGE))


@refuse("5.2", base=dirty)
def zero_huge(image):
    """A ZeroLength of 2^62."""
    only(image, Zero(image.bat_offset + PAGE, 1 << 62))


@tolerate("5.2", "warning", base=dirty)
def zero_vast(image):
    """A zero descriptor for 100 TiB, all of it past the file's end."""
    only(image, Zero(1 << 40, 100 << 40))


@tolerate("5.2", base=dirty)
def zero_nothing(image):
    """A zero descriptor of length 0, on a page that must stay."""
    only(image, Zero(image.bat_offset, 0))


@refuse("5.2", base=dirty)
def zero_over_log(image):
    """The zeroed range begins before the log and runs into it."""
    only(image, Zero(512 * KIB, MIB))


@refuse("5.2", base=dirty)
def data_on_header(image):
    """A descriptor aims at header 1, which may not be logged."""
    data = image.journal.data(image.bat_offset)
    data.offset = 64 * KIB
    only(image, data)


@refuse("5.2", base=dirty)
def data_on_file_identifier(image):
    """A descriptor aims at the file identifier."""
    only(image, Zero(0))


@refuse("5.2", base=dirty)
def data_on_log(image):
    """A descriptor aims at the log itself."""
    data = image.journal.data(image.bat_offset)
    data.offset = image.log_offset + MIB - PAGE
    only(image, data)


@refuse("5.2", base=dirty)
def data_offset_overflow(image):
    """FileOffset is the last page of 64 bits: its end is 2^64."""
    data = image.journal.data(image.bat_offset)
    data.offset = (1 << 64) - PAGE
    only(image, data)


@refuse("5.2", base=dirty)
def data_signature(image):
    """The data sector's signature is "Data"."""
    image.journal.add(image.journal.data(image.bat_offset, sector=b"Data"))


@refuse("5.2", base=dirty)
def data_sequence_high(image):
    """The data sector's SequenceHigh is not the entry's."""
    image.journal.add(image.journal.data(image.bat_offset, high=1))


@refuse("5.2", base=dirty)
def data_sequence_low(image):
    """The data sector's SequenceLow is not the entry's."""
    image.journal.add(image.journal.data(image.bat_offset, low=1))


@tolerate("5.2", base=dirty)
def entry_reserved(image):
    """The entry's reserved field is set."""
    only(image, reserved=0xffffffff)


# --- sequences ------------------------------------------------------------

@refuse("5.4", base=dirty)
def head_tail_elsewhere(image):
    """The head's Tail points at a sector where no entry begins."""
    only(image, tail=64 * PAGE)


@refuse("5.4", base=dirty)
def head_tail_inside_entry(image):
    """The head's Tail points into the middle of its own entry."""
    only(image, tail=PAGE)


@refuse("5.4", base=dirty)
def head_tail_after_gap(image):
    """The tail's entry and the head are valid, but one entry between them
    is torn: neither alone makes a sequence, as both name a tail that is
    not theirs."""
    journal = image.journal
    journal.add(rot(image), tail=128 * PAGE)
    torn = journal.at
    journal.add(rot(image))
    only(image)
    journal.sectors[torn] = bytes(PAGE)


@tolerate("5.4", base=dirty)
def sequence_gap(image):
    """Entries 10 and 12 follow each other: 12 names 10 as its tail and is
    no continuation, so only 10 is replayed."""
    only(image, sequence=10)
    image.journal.add(rot(image), sequence=12)


@tolerate("5.4", base=dirty)
def sequence_repeats(image):
    """The next entry repeats the sequence number: it is no continuation."""
    only(image, sequence=10)
    image.journal.add(rot(image), sequence=10)


@tolerate("5.4", base=dirty)
def sequence_older_after(image):
    """An older, complete sequence stands behind the newest one."""
    only(image, sequence=1000)
    image.journal.tail = image.journal.at
    image.journal.add(rot(image), sequence=500)
    image.journal.add(rot(image))


@tolerate("5.4", base=dirty)
def sequence_higher_but_broken(image):
    """The entry with the greatest sequence number names a tail outside of
    its sequence: the lesser, valid sequence is active."""
    only(image, sequence=100)
    image.journal.add(rot(image), sequence=900, tail=200 * PAGE)


@refuse("5.4", base=dirty)
def head_flushed_beyond_file(image):
    """The head promises that the file was 1 MiB longer: it is truncated."""
    only(image, flushed=image.file_size + MIB)


@refuse("5.4", base=dirty)
def head_flushed_one_byte(image):
    """The head promises one byte more than there is."""
    only(image, flushed=image.file_size + 1)


@refuse("5.4", base=dirty)
def head_last_huge(image):
    """LastFileOffset is 2^63: no file can be extended to that."""
    only(image, last=1 << 63)


@tolerate("5.5", base=dirty)
def head_flushed_unaligned(image):
    """FlushedFileOffset and LastFileOffset are no multiples of 4 KiB."""
    only(image, flushed=image.file_size - 1, last=image.file_size + 1)


@tolerate("5.4", base=late_bitmap)
def head_last_below_descriptors(image):
    """The log writes a whole sector bitmap past the file's end, which
    LastFileOffset does not count: the descriptors extend the file."""
    bitmap = image.bitmaps[0]
    image.cut = bitmap
    journal = Journal(image)
    journal.add(journal.data(bitmap), Zero(bitmap + PAGE, MIB - PAGE),
                flushed=image.cut, last=image.cut)


# --- what replay brings ---------------------------------------------------

@refuse("4", base=dirty)
def replay_breaks_regions(image):
    """Both region tables in place are right; the log replaces them with
    torn ones."""
    pages = []
    for offset in ondisk.REGION_OFFSETS:
        page = image.journal.data(offset)
        page.page = STALE
        pages.append(page)
    only(image, *pages)


@refuse("8", base=dirty)
def replay_breaks_metadata(image):
    """The log replaces a right metadata table with zeros."""
    only(image, Zero(image.meta_offset))


@refuse("4", base=dirty)
def replay_unknown_required(image):
    """The region table in the log requires a region that no one knows."""
    pages = []
    for table in image.tables:
        table.entries.append(ondisk.Region(ondisk.guid("unknown"), 8 * MIB,
                                           MIB, 1))
    journal = Journal(image)
    for offset in ondisk.REGION_OFFSETS:
        pages.append(journal.data(offset, spoil=NOTHING))
    only(image, *pages)


@tolerate("5.4")
def clean_log_ignored(image):
    """LogGuid 0: a valid entry that bears the zero GUID is not replayed."""
    Journal(image)
    image.journal.add(rot(image), guid=ondisk.NIL)
    image.journal.forget()


def large_log(name):
    """A dirty image with a log of 64 MiB."""
    image = dynamic(name, log_length=64 * MIB)
    Journal(image)
    image.spoil(image.bat_offset, NOTHING)
    return image


@tolerate("5.4", base=large_log)
def log_decoys(image):
    """A 64 MiB log full of entry headers that each claim all of it, over
    descriptors that are right as far as the next header: a reader that first
    checks each entry to its end takes hours."""
    journal = image.journal
    only(image)
    many = 128 * 1024
    decoy = Entry(journal.sequence, journal.guid, 0, 0, 0, length=64 * MIB,
                  count=many, checksum=1,
                  descriptors=[Zero(1 << 40)] * (126 + 128)).encode()
    for at in range(16 * PAGE, 64 * MIB, PAGE):
        odd = at // PAGE % 2 * PAGE
        journal.sectors[at] = decoy[odd:odd + PAGE]
