# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: file identifier, headers, and where the header puts the log."""
from evil_base import child, dirty, refuse, tolerate
from good_log import STALE
import ondisk
from ondisk import MIB


def both(image, **fields):
    """Set fields in both header copies."""
    for header in image.headers:
        for name, value in fields.items():
            setattr(header, name, value)


def session(image):
    """Make the log dirty with one right entry."""
    image.journal.add(image.journal.data(image.bat_offset))


@refuse("2")
def file_signature(image):
    """The last letter of "vhdxfile" is another."""
    image.patches.append((0, b"vhdxfilE"))


@tolerate("2")
def file_creator_garbage(image):
    """The creator is 512 bytes of broken UTF-16 without an end."""
    image.patches.append((8, b"\x00\xd8" * 256))


@tolerate("3", "warning")
def header_one_signature(image):
    """Header 1, the older one, has lost its signature."""
    image.headers[0].signature = b"Head"


@tolerate("3", "warning")
def header_two_torn(image):
    """Header 2, the newer one, fails its checksum: header 1 is current."""
    image.headers[1].checksum = 0x12345678
    image.headers[1].log_guid = ondisk.guid("never written")


@refuse("3")
def headers_signature(image):
    """Neither header has its signature."""
    both(image, signature=b"HEAD")


@refuse("3")
def headers_checksum(image):
    """Neither header has the right checksum."""
    both(image, checksum=0xdeadbeef)


@refuse("3")
def headers_checksum_other_polynomial(image):
    """Headers sealed with plain CRC-32 instead of CRC-32C."""
    import zlib                     # pylint: disable=import-outside-toplevel
    for header in image.headers:
        header.checksum = 0
        header.checksum = zlib.crc32(header.encode())


@refuse("3")
def headers_zero(image):
    """Both headers are zeros."""
    for offset in ondisk.HEADER_OFFSETS:
        image.patches.append((offset, bytes(4096)))


@refuse("3")
def headers_equal_sequence(image):
    """Both headers are valid with one sequence number, and they differ."""
    both(image, sequence=9)


@refuse("3")
def headers_equal_but_reserved(image):
    """One sequence number; the copies differ in a reserved byte alone."""
    image.headers[1] = ondisk.Header(**vars(image.headers[0]))
    image.headers[1].reserved = b"\1"


@tolerate("3")
def header_sequence_unsigned(image):
    """Header 1's sequence number is above 2^63, header 2's is 5 and its
    log is nonsense: the comparison is unsigned."""
    image.headers[0].sequence = (1 << 63) + 1
    image.headers[1].sequence = 5
    image.headers[1].log_offset = 12345


@tolerate("3")
def header_sequence_last(image):
    """The current sequence number is the last there is: no update can
    follow, but reading needs none."""
    image.headers[1].sequence = (1 << 64) - 1


@tolerate("3")
def header_stale_nonsense(image):
    """The older header asks for version 9, a log at 7 and a replay."""
    stale = image.headers[0]
    stale.version, stale.log_offset, stale.log_length = 9, 7, 5
    stale.log_guid = ondisk.guid("stale")


@tolerate("3")
def header_reserved(image):
    """Reserved bytes of the header are set; the checksum covers them."""
    both(image, reserved=b"\xff" * 4016)


@refuse("3")
def header_version_0(image):
    """Version 0."""
    both(image, version=0)


@refuse("3")
def header_version_2(image):
    """Version 2."""
    both(image, version=2)


@refuse("3")
def header_version_2_newer(image):
    """Only the current header says Version 2: there is no falling back to
    the older one."""
    image.headers[1].version = 2


@refuse("3", base=dirty)
def log_version_dirty(image):
    """LogVersion 1 and entries to replay."""
    session(image)
    both(image, log_version=1)


@tolerate("3")
def log_version_clean(image):
    """LogVersion 1, but the log is empty."""
    both(image, log_version=1)


@refuse("3", base=dirty)
def log_length_zero_dirty(image):
    """LogLength 0 with a LogGuid."""
    both(image, log_length=0)


@tolerate("3")
def log_length_zero_clean(image):
    """No log at all: LogLength and LogOffset 0, LogGuid 0."""
    both(image, log_length=0, log_offset=0)


@refuse("3")
def log_length_unaligned(image):
    """LogLength is no multiple of 1 MiB."""
    both(image, log_length=MIB - 4096)


@refuse("3")
def log_length_huge(image):
    """LogLength is 4 GiB less 1 MiB, far past the end of the file."""
    both(image, log_length=(1 << 32) - MIB)


@refuse("3")
def log_offset_unaligned(image):
    """LogOffset is no multiple of 1 MiB."""
    both(image, log_offset=MIB + 4096)


@refuse("3")
def log_offset_zero(image):
    """LogOffset 0: the log would lie on the headers."""
    both(image, log_offset=0)


@refuse("3")
def log_offset_past_end(image):
    """The log begins where the file ends."""
    both(image, log_offset=image.file_size)


@refuse("3")
def log_ends_past_end(image):
    """The log's second half is past the end of the file."""
    both(image, log_offset=image.file_size - MIB, log_length=2 * MIB)


@refuse("3")
def log_offset_overflow(image):
    """LogOffset + LogLength is 2^64."""
    both(image, log_offset=(1 << 64) - MIB)


@refuse("3")
def log_on_metadata(image):
    """The log lies on the metadata region."""
    both(image, log_offset=image.meta_offset)


@refuse("3")
def log_on_bat(image):
    """The log's second MiB is the BAT region's."""
    both(image, log_offset=image.meta_offset - MIB, log_length=3 * MIB)


@refuse("11")
def log_dirty_without_entry(image):
    """LogGuid is set and the log is empty: QEMU's crash window."""
    image.set_log_guid(ondisk.guid("no entry"))


@refuse("11")
def log_dirty_garbage(image):
    """LogGuid is set and the log is full of ones."""
    image.set_log_guid(ondisk.guid("no entry"))
    image.patches.append((image.log_offset, STALE * 256))


@tolerate("3", base=child)
def child_data_write_differs(image):
    """The parent's two header copies bear different DataWriteGuids, as QEMU
    leaves them; the current one is the child's linkage."""
    image.parent.prepare()
    image.parent.headers[0].data_write = ondisk.guid("other pass")


