# SPDX-License-Identifier: GPL-2.0-only
"""The bytes of VHDX: constants, GUIDs, and an encoder for each structure.

This package is an oracle for the engine in dm-vhdx/engine/, so it shares no
code, header or table with it: it was written from [MS-VHDX] alone, in another
language, and where the two disagree one of them is wrong.

Every encoder takes plain values and returns bytes.  Each structure is a small
dataclass whose fields may hold nonsense on purpose; a field named `checksum`,
`count` or `length` that is None is computed, any other value is written as it
stands.  That is what lets a malformed image differ from a good one in exactly
one place.
"""
from dataclasses import dataclass, field
import struct
import uuid

import crc32c as _crc

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40
PAGE = 4096                     # what the log journals, and what it is made of

HEADER_OFFSETS = (64 * KIB, 128 * KIB)
REGION_OFFSETS = (192 * KIB, 256 * KIB)
TABLE_SIZE = 64 * KIB           # a region table, and a metadata table

BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
DISK_ID = uuid.UUID("BECA12AB-B2E6-4523-93EF-C309E000C746")
LOGICAL_SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
PHYSICAL_SECTOR = uuid.UUID("CDA348C7-445D-4471-9CC9-E9885251C556")
PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
INCOMPLETE_FILE = uuid.UUID("71CC85F0-1B69-4E28-9558-C3BF83AE75D3")
VHDX_LOCATOR = uuid.UUID("B04AEFB7-D19E-4A81-B789-25B8E9445913")
NIL = uuid.UUID(int=0)

# Metadata entry flags
IS_USER, IS_VIRTUAL_DISK, IS_REQUIRED = 1, 2, 4

# Payload block states, [MS-VHDX] 2.5.1.1; a sector bitmap entry knows only
# NOT_PRESENT and FULLY_PRESENT (there called PRESENT).
NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED = 0, 1, 2, 3
FULLY_PRESENT, PARTIALLY_PRESENT = 6, 7

_SPACE = uuid.UUID("9b1ff9a2-0e9f-4e0a-8d52-6f6f3ad2f0d1")


def guid(*words):
    """A GUID that depends on the words alone, so images are reproducible."""
    return uuid.uuid5(_SPACE, "/".join(str(w) for w in words))


def checksummed(blob, value=None):
    """Put CRC-32C (or the value asked for) at byte 4, where VHDX keeps it."""
    blob = bytearray(blob)
    blob[4:8] = bytes(4)
    if value is None:
        value = _crc.crc32c(bytes(blob))
    struct.pack_into("<I", blob, 4, value)
    return bytes(blob)


def crc_valid(blob):
    """Whether the CRC-32C at byte 4 is that of the whole blob."""
    return checksummed(blob) == bytes(blob)


def round_up(value, unit):
    return -(-value // unit) * unit


@dataclass
class Header:
    """One of the two 4 KiB headers, [MS-VHDX] 2.2.2."""
    sequence: int
    file_write: uuid.UUID
    data_write: uuid.UUID
    log_guid: uuid.UUID
    log_length: int
    log_offset: int
    log_version: int = 0
    version: int = 1
    signature: bytes = b"head"
    checksum: int = None
    reserved: bytes = b""

    def encode(self):
        blob = struct.pack("<4sIQ16s16s16sHHIQ", self.signature, 0,
                           self.sequence, self.file_write.bytes_le,
                           self.data_write.bytes_le, self.log_guid.bytes_le,
                           self.log_version, self.version, self.log_length,
                           self.log_offset) + self.reserved
        return checksummed(blob.ljust(PAGE, b"\0"), self.checksum)


@dataclass
class Region:
    """An entry of a region table; `required` is the whole flags word."""
    guid: uuid.UUID
    offset: int
    length: int
    required: int = 1

    def encode(self):
        return struct.pack("<16sQII", self.guid.bytes_le, self.offset,
                           self.length, self.required)


@dataclass
class RegionTable:
    """One of the two region tables, [MS-VHDX] 2.2.3."""
    entries: list
    count: int = None
    signature: bytes = b"regi"
    reserved: int = 0
    checksum: int = None

    def encode(self):
        count = len(self.entries) if self.count is None else self.count
        blob = struct.pack("<4sIII", self.signature, 0, count, self.reserved)
        blob += b"".join(e.encode() for e in self.entries)
        return checksummed(blob.ljust(TABLE_SIZE, b"\0"), self.checksum)

    def find(self, which):
        return next(e for e in self.entries if e.guid == which)


@dataclass
class Item:
    """A metadata item: its table entry, and the value it points at."""
    guid: uuid.UUID
    value: bytes
    flags: int = IS_REQUIRED
    offset: int = None          # in the region; None: the next free byte
    length: int = None
    reserved: int = 0

    def encode_entry(self):
        length = len(self.value) if self.length is None else self.length
        return struct.pack("<16sIIII", self.guid.bytes_le, self.offset,
                           length, self.flags, self.reserved)


@dataclass
class MetadataTable:
    """The metadata region, [MS-VHDX] 2.6: the table and the item values."""
    items: list
    count: int = None
    signature: bytes = b"metadata"
    reserved: bytes = b""
    first: int = TABLE_SIZE     # where the first item's value goes
    align: int = 1

    def place(self):
        """Give every item without an offset the next free one."""
        at = self.first
        for item in self.items:
            if item.offset is None:
                item.offset = at if item.value else 0
                at = round_up(at + len(item.value), self.align)

    def encode(self):
        """[(offset in the region, bytes)]: the table, then each value."""
        self.place()
        count = len(self.items) if self.count is None else self.count
        table = struct.pack("<8sHH", self.signature, 0, count & 0xffff)
        table += self.reserved
        table = table.ljust(32, b"\0")
        table += b"".join(i.encode_entry() for i in self.items)
        pieces = [(0, table.ljust(TABLE_SIZE, b"\0")[:TABLE_SIZE])]
        pieces += [(i.offset, i.value) for i in self.items if i.value]
        return pieces

    def find(self, which):
        return next(i for i in self.items if i.guid == which)


@dataclass
class Locator:
    """The parent locator, [MS-VHDX] 2.6.2.6.

    `pairs` is [(key, value)], each a str or, to be malformed, bytes.
    `overrides` maps (pair index, field) to what its 12-byte entry shall say,
    the field one of key_offset, value_offset, key_length, value_length.
    """
    pairs: list
    kind: uuid.UUID = VHDX_LOCATOR
    count: int = None
    reserved: int = 0
    overrides: dict = field(default_factory=dict)

    def encode(self):
        count = len(self.pairs) if self.count is None else self.count
        head = struct.pack("<16sHH", self.kind.bytes_le, self.reserved, count)
        at = 20 + 12 * len(self.pairs)
        table, strings = b"", b""
        for index, pair in enumerate(self.pairs):
            key, value = (s if isinstance(s, bytes) else s.encode("utf-16-le")
                          for s in pair)
            entry = {"key_offset": at, "value_offset": at + len(key),
                     "key_length": len(key), "value_length": len(value)}
            for name in entry:
                entry[name] = self.overrides.get((index, name), entry[name])
            table += struct.pack("<IIHH", entry["key_offset"],
                                 entry["value_offset"], entry["key_length"],
                                 entry["value_length"])
            strings += key + value
            at += len(key) + len(value)
        return head + table + strings


def braced(value):
    """A GUID the way parent_linkage spells it."""
    return "{%s}" % value


def bat_entry(state, offset=0, reserved=0):
    """A BAT entry; the offset in bytes, a multiple of 1 MiB."""
    return state | reserved << 3 | (offset // MIB) << 20


def chunk_ratio(block_size, lss):
    return (lss << 23) // block_size


def bat_entries(size, block_size, lss, differencing):
    """How many BAT entries an image of this geometry has, [MS-VHDX] 2.5."""
    ratio = chunk_ratio(block_size, lss)
    blocks = -(-size // block_size)
    if differencing:
        return -(-blocks // ratio) * (ratio + 1)
    return blocks + (blocks - 1) // ratio


def payload_index(block, ratio):
    return block + block // ratio


def bitmap_index(chunk, ratio):
    return chunk * (ratio + 1) + ratio
