# SPDX-License-Identifier: GPL-2.0-only
"""Good images with a dirty log: right only after an in-memory replay."""
from content import Byte, Stamp
from good_base import LIBVHDI, REPLAY, good, scribble
import ondisk
from ondisk import (FULLY_PRESENT, GIB, KIB, MIB, PAGE, REGION_OFFSETS,
                    bat_entry)
from log import Journal, Zero
from vhdx import Image

STALE = b"\xff" * PAGE          # what stands where a page was torn
NOTHING = bytes(PAGE)


def disk(name, size=16 * MIB, **knobs):
    """A dynamic image, laid out, with data in most blocks."""
    return scribble(Image(name, size, **knobs)).prepare()


def child(name, **knobs):
    """A differencing image, laid out, with partial blocks."""
    parent = Image(name + "-base", 8 * MIB, **knobs).write(0, 8 * MIB,
                                                           Stamp(100))
    image = Image(name, 8 * MIB, parent=parent, **knobs)
    image.write(2 * MIB, 2 * MIB, Stamp(1))
    for at in (4096, 16 * KIB, 5 * MIB, 7 * MIB):
        image.write(at, 4096, Stamp(2))
    return image.prepare()


@good((REPLAY, LIBVHDI), inert=True)
def log_empty_entry():
    """Only the empty entry that Windows starts a session with."""
    image = disk("log-empty-entry")
    Journal(image).add()
    return image


@good((REPLAY,))
def log_bat():
    """The BAT page in place is older than the log's."""
    image = disk("log-bat")
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_page_edges():
    """The first and the last entry of a BAT page: the bytes that travel in
    the descriptor, not in the data sector. Blocks lie past 4 GiB, so that
    none of these bytes is zero throughout."""
    image = Image("log-page-edges", 600 * MIB, block_size=MIB,
                  data_start=5 * GIB)
    for block in (0, 1, 510, 511, 512):
        image.write(block * MIB, 64 * KIB, Stamp(1))
    journal = Journal(image.prepare())
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good(())
def log_bitmap_edges():
    """The first and the last sectors of a bitmap page."""
    size = 40 * MIB
    parent = Image("log-bitmap-edges-base", size).write(0, size, Stamp(100))
    image = Image("log-bitmap-edges", size, parent=parent)
    for sector in (0, 31, 32767, 32767 - 31, 32768):
        image.write(sector * 512, 512, Stamp(1))
    journal = Journal(image.prepare())
    journal.add(*[journal.data(image.bitmaps[0] + at, spoil=NOTHING)
                  for at in (0, PAGE)])
    return image


@good((REPLAY,))
def log_wrong_bat():
    """The BAT page in place maps every block, all of them wrongly."""
    image = disk("log-wrong-bat")
    journal = Journal(image)
    wrong = bat_entry(FULLY_PRESENT, image.placed[0]).to_bytes(8, "little")
    journal.add(journal.data(image.bat_offset, spoil=wrong * 512))
    return image


@good((REPLAY,))
def log_sequence():
    """Three entries: the BAT page twice, the last word right; Windows'
    empty entry before them."""
    image = disk("log-sequence")
    journal = Journal(image)
    journal.add()
    older = journal.data(image.bat_offset, spoil=NOTHING)
    older.page = STALE
    journal.add(older)
    journal.add(journal.data(image.bat_offset))
    return image


@good((REPLAY,))
def log_metadata():
    """Metadata table and items come from the log; in place there is rot."""
    image = disk("log-metadata")
    journal = Journal(image)
    journal.add(journal.data(image.meta_offset, spoil=STALE),
                journal.data(image.meta_offset + 64 * KIB, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_regions():
    """Both region tables in place are torn; the log has them whole."""
    image = disk("log-regions")
    journal = Journal(image)
    journal.add(*[journal.data(offset, spoil=STALE)
                  for offset in REGION_OFFSETS])
    return image


@good(())
def log_everything():
    """Region tables, metadata, BAT and bitmaps of a child, one entry."""
    image = child("log-everything")
    journal = Journal(image)
    bitmap = image.bitmaps[0]
    journal.add(*[journal.data(at, spoil=STALE) for at in (
        *REGION_OFFSETS, image.meta_offset, image.meta_offset + 64 * KIB,
        image.bat_offset, bitmap)])
    return image


@good(())
def log_bitmap():
    """The sector bitmap in place has no bit set, the log's has."""
    image = child("log-bitmap")
    journal = Journal(image)
    journal.add(journal.data(image.bitmaps[0], spoil=NOTHING))
    return image


@good(())
def log_bitmap_zeroed():
    """The bitmap page in place has every bit set; a zero descriptor clears
    it, a later entry sets the right bits."""
    image = child("log-bitmap-zeroed")
    journal = Journal(image)
    journal.add(Zero(image.bitmaps[0]))
    journal.add(journal.data(image.bitmaps[0], spoil=STALE))
    return image


@good((REPLAY,))
def log_zero():
    """A zero descriptor empties the BAT page that maps the second half."""
    image = Image("log-zero", 1000 * MIB, block_size=MIB)
    image.write(0, MIB, Stamp(1))
    image.prepare()
    wrong = bat_entry(FULLY_PRESENT, image.placed[0]).to_bytes(8, "little")
    journal = Journal(image)
    journal.add(journal.zero(image.bat_offset + PAGE, 2 * PAGE,
                             spoil=wrong * 512))
    return image


@good((REPLAY,))
def log_zero_then_data():
    """One entry zeroes the BAT page, then writes it: order counts."""
    image = disk("log-zero-then-data")
    journal = Journal(image)
    journal.add(Zero(image.bat_offset),
                journal.data(image.bat_offset, spoil=STALE))
    return image


@good((REPLAY,))
def log_entry_wraps():
    """The entry begins in the log's last sector and ends in its first."""
    image = disk("log-entry-wraps")
    journal = Journal(image, start=MIB - PAGE)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_sequence_wraps():
    """A sequence begins near the log's end and goes on at its start."""
    image = disk("log-sequence-wraps")
    journal = Journal(image, start=MIB - 3 * PAGE)
    for page in (STALE, STALE, None):
        one = journal.data(image.bat_offset, spoil=NOTHING)
        one.page = page or one.page
        journal.add(one)
    return image


@good((REPLAY,))
def log_ring_full():
    """Not one sector of the log is free: 128 entries of two sectors."""
    image = disk("log-ring-full")
    journal = Journal(image, start=40 * PAGE)
    for _ in range(128):
        journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_old_sessions():
    """Around the sequence lie entries of dead sessions, valid but for
    their LogGuid, with higher sequence numbers and wrong pages."""
    image = disk("log-old-sessions")
    journal = Journal(image)
    rot = [journal.data(image.meta_offset), journal.data(image.bat_offset)]
    for one in rot:
        one.page = STALE
    journal.old_session(*rot, sequence=1 << 63)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    tail = journal.tail
    journal.old_session(*rot, sequence=journal.sequence)
    journal.tail = tail
    return image


@good()
def log_clean_leftovers():
    """LogGuid is zero; the old session's entries are still in the log, and
    one that bears the zero GUID itself."""
    image = disk("log-clean-leftovers")
    journal = Journal(image)
    rot = journal.data(image.bat_offset)
    rot.page = STALE
    journal.add(rot)
    journal.add(rot, guid=ondisk.NIL)
    journal.forget()
    return image


@good(())
def log_tail_skips():
    """The head's Tail leaves out the first entry, whose page has since
    become payload."""
    image = disk("log-tail-skips")
    journal = Journal(image)
    rot = journal.data(image.placed[0])
    rot.page = STALE
    journal.add(rot)
    journal.here_is_the_tail()
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((LIBVHDI,), inert=True)
def log_tail_empty_head():
    """The head is an empty entry that is its own Tail: all before it is
    settled and must not be replayed."""
    image = disk("log-tail-empty-head")
    journal = Journal(image)
    rot = journal.data(image.bat_offset)
    rot.page = STALE
    journal.add(rot)
    journal.add(rot)
    journal.here_is_the_tail()
    journal.add()
    return image


@good((REPLAY,))
def log_two_sequences():
    """Two valid sequences of one session apart in the ring: the greater
    sequence number is the active one."""
    image = disk("log-two-sequences")
    journal = Journal(image, sequence=100)
    rot = journal.data(image.bat_offset, spoil=NOTHING)
    rot.page = STALE
    journal.add(rot)
    journal.at = journal.tail = 64 * PAGE
    journal.add(journal.data(image.bat_offset), sequence=200)
    journal.at = journal.tail = 128 * PAGE
    journal.add(rot, sequence=150)
    return image


@good((REPLAY,))
def log_torn_head():
    """The newest entry was torn by the crash: the one before is head."""
    image = disk("log-torn-head")
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    rot = journal.data(image.bat_offset)
    rot.page = STALE
    torn = journal.add(rot)
    last = (journal.at - PAGE) % image.log_length
    journal.sectors[last] = bytes(PAGE)
    assert torn.tail == 0
    return image


@good(())
def log_many_descriptors():
    """One entry with 300 descriptors: the table takes three sectors, the
    BAT page is described last."""
    image = child("log-many-descriptors", log_length=2 * MIB)
    journal = Journal(image)
    bitmap = image.bitmaps[0]
    pages = [bitmap + at for at in range(0, MIB, PAGE)]
    bat = [image.bat_offset + at for at in range(0, 44 * PAGE, PAGE)]
    journal.add(*[journal.data(at, spoil=STALE) for at in pages],
                *[journal.data(at, spoil=STALE) for at in reversed(bat)])
    return image


@good((REPLAY,))
def log_126_descriptors():
    """Exactly as many descriptors as the first sector holds."""
    image = disk("log-126-descriptors")
    journal = Journal(image)
    journal.add(*[journal.data(image.bat_offset + at * PAGE, spoil=STALE)
                  for at in range(126)])
    return image


@good(())
def log_127_descriptors():
    """One descriptor more than the first sector holds, data and zero.
    QEMU 7.2 takes no entry whose descriptors need a second sector."""
    image = disk("log-127-descriptors")
    journal = Journal(image)
    journal.add(*[journal.zero(image.bat_offset + at * PAGE, spoil=STALE)
                  for at in range(1, 127)],
                journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good(())
def log_last_beyond_eof():
    """The file lost its last extension: LastFileOffset lies past its end,
    and the block there reads as zeros."""
    image = Image("log-last-beyond-eof", 6 * MIB)
    image.write(0, 2 * MIB, Stamp(1)).write(4 * MIB, 2 * MIB, Byte(0))
    image.prepare()
    image.cut = image.placed[2]
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING),
                flushed=image.cut, last=image.file_size)
    return image


@good(())
def log_page_beyond_eof():
    """A descriptor's page lies past the end of the file: the sector bitmap
    was allocated there and only the log has it."""
    image = child("log-page-beyond-eof", bitmap_place="last").prepare()
    image.cut = image.bitmaps[0]
    journal = Journal(image)
    journal.add(journal.data(image.bitmaps[0]), flushed=image.cut)
    return image


@good((REPLAY,))
def log_flushed_zero():
    """FlushedFileOffset is 0, as a Windows 8 image has it."""
    image = disk("log-flushed-zero")
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING), flushed=0)
    return image


@good(())
def log_flushed_older_larger():
    """Only the head's FlushedFileOffset counts: the entry before promised
    a larger file, which was shrunk since."""
    image = disk("log-flushed-older-larger")
    journal = Journal(image)
    journal.add(flushed=image.file_size + 64 * MIB)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_last_smaller():
    """LastFileOffset below the file's size takes nothing away."""
    image = disk("log-last-smaller")
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING),
                last=image.placed[0], flushed=image.placed[0])
    return image


@good((REPLAY,))
def log_sequence_carry():
    """Sequence numbers cross 2^32: both halves in data sectors change."""
    image = disk("log-sequence-carry")
    journal = Journal(image, sequence=(1 << 32) - 1)
    for page in (STALE, None):
        one = journal.data(image.bat_offset, spoil=NOTHING)
        one.page = page or one.page
        journal.add(one)
    return image


@good((REPLAY,))
def log_sequence_one():
    """The lowest sequence number an entry may have."""
    image = disk("log-sequence-one")
    journal = Journal(image, sequence=1)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good((REPLAY,))
def log_large():
    """A log of 64 MiB, its one entry in the middle."""
    image = disk("log-large", log_length=64 * MIB)
    journal = Journal(image, start=40 * MIB + PAGE)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return image


@good(())
def log_sectors_4096():
    """A dirty child with 4096-byte sectors."""
    image = child("log-sectors-4096", lss=4096)
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=NOTHING),
                journal.data(image.bitmaps[0], spoil=NOTHING))
    return image


@good(())
def log_whole_chain():
    """Three layers, every log dirty."""
    lower = disk("log-whole-chain-base", 8 * MIB)
    middle = Image("log-whole-chain-middle", 8 * MIB, parent=lower)
    middle.write(MIB, 2 * MIB, Stamp(10)).prepare()
    upper = Image("log-whole-chain", 8 * MIB, parent=middle)
    upper.write(2 * MIB, 512, Stamp(20)).prepare()
    for image in (lower, middle, upper):
        journal = Journal(image)
        journal.add(journal.data(image.bat_offset, spoil=NOTHING))
    return upper
