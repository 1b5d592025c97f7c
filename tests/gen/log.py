# SPDX-License-Identifier: GPL-2.0-only
"""Dirty logs: entries, descriptors, and a ring to lay them in.

Journal takes an Image that is prepared and right in every structure, puts the
right pages into log entries, and lets the caller spoil the same pages in
place (`Journal.data(offset, spoil=...)`).  So the flat content of the image
is what it was before, and only a reader that replays the log gets it right.

Every field of an entry can be forced, for the malformed ones.
"""
from dataclasses import dataclass, field
import struct

from ondisk import PAGE, NIL, checksummed, guid, round_up

MASK64 = (1 << 64) - 1


@dataclass
class Data:
    """A data descriptor and its data sector, [MS-VHDX] 2.3.1.3 and 2.3.1.4."""
    offset: int
    page: bytes
    sequence: int = None        # None: the entry's
    signature: bytes = b"desc"
    sector: bytes = b"data"     # the data sector's signature
    high: int = None            # halves of the sequence number in the sector
    low: int = None

    def encode(self, sequence):
        mine = sequence if self.sequence is None else self.sequence
        return struct.pack("<4s4s8sQQ", self.signature, self.page[4092:],
                           self.page[:8], self.offset & MASK64, mine)

    def encode_sector(self, sequence):
        high = sequence >> 32 if self.high is None else self.high
        low = sequence & 0xffffffff if self.low is None else self.low
        return (struct.pack("<4sI", self.sector, high) + self.page[8:4092]
                + struct.pack("<I", low))


@dataclass
class Zero:
    """A zero descriptor, [MS-VHDX] 2.3.1.2."""
    offset: int
    length: int = PAGE
    sequence: int = None
    signature: bytes = b"zero"

    def encode(self, sequence):
        mine = sequence if self.sequence is None else self.sequence
        return struct.pack("<4sIQQQ", self.signature, 0, self.length,
                           self.offset & MASK64, mine)


@dataclass
class Entry:
    """A log entry, [MS-VHDX] 2.3.1.1."""
    sequence: int
    guid: object
    tail: int
    flushed: int
    last: int
    descriptors: list = field(default_factory=list)
    signature: bytes = b"loge"
    length: int = None
    count: int = None
    reserved: int = 0
    checksum: int = None
    surplus: int = 0            # right data sectors without a descriptor

    def encode(self):
        seq = self.sequence
        blob = b"".join(d.encode(seq) for d in self.descriptors)
        blob = bytes(64) + blob
        blob = blob.ljust(round_up(len(blob), PAGE), b"\0")
        sectors = [d.encode_sector(seq) for d in self.descriptors
                   if isinstance(d, Data)]
        blob += b"".join(sectors + sectors[-1:] * self.surplus)
        length = len(blob) if self.length is None else self.length
        count = len(self.descriptors) if self.count is None else self.count
        head = struct.pack("<4sIIIQII16sQQ", self.signature, 0, length,
                           self.tail, seq, count, self.reserved,
                           self.guid.bytes_le, self.flushed, self.last)
        blob = head + blob[64:]
        # A length that was forced still gets a checksum that is right for it.
        covered = min(length, len(blob)) or len(blob)
        return checksummed(blob[:covered], self.checksum) + blob[covered:]


class Journal:
    """The log of one image, written entry by entry round the ring."""

    def __init__(self, image, start=0, sequence=0x6d35c1d20f83e511):
        self.image = image
        self.guid = guid(image.name, "log")
        self.sequence = sequence
        self.at = start
        self.tail = start
        self.sectors = {}       # offset in the log -> 4 KiB
        self._pages = image.pages()
        image.journal = self
        image.set_log_guid(self.guid)

    def page(self, offset):
        """What the image wants at a 4 KiB page of its metadata."""
        return self._pages.get(offset, bytes(PAGE))

    def data(self, offset, spoil=None, **forced):
        """A descriptor with the right page; in place stands `spoil`."""
        if spoil is not None:
            self.image.spoil(offset, spoil)
        return Data(offset, self.page(offset), **forced)

    def zero(self, offset, length=PAGE, spoil=None, **forced):
        """A zero descriptor for pages that should be zero."""
        for at in range(offset, offset + length, PAGE):
            assert self.page(at) == bytes(PAGE), "not a page of zeros"
            if spoil is not None:
                self.image.spoil(at, spoil)
        return Zero(offset, length, **forced)

    def add(self, *descriptors, after=0, **forced):
        """Append an entry; `after` leaves sectors free before it."""
        self.at = (self.at + after * PAGE) % self.image.log_length
        values = {"sequence": self.sequence, "guid": self.guid,
                  "tail": self.tail, "flushed": self.image.file_size,
                  "last": self.image.file_size}
        values.update(forced)
        entry = Entry(descriptors=list(descriptors), **values)
        self.put(self.at, entry.encode())
        self.sequence = entry.sequence + 1
        return entry

    def put(self, at, blob):
        """Lay bytes into the ring at `at`; what follows comes after them."""
        size = self.image.log_length
        for skip in range(0, len(blob), PAGE):
            self.sectors[(at + skip) % size] = blob[skip:skip + PAGE]
        self.at = (at + len(blob)) % size

    def here_is_the_tail(self):
        """Entries from the next one on name that one as the oldest."""
        self.tail = self.at

    def old_session(self, *descriptors, sequence=5, **forced):
        """An entry that another session left: same log, another LogGuid."""
        keep = self.sequence
        self.add(*descriptors, sequence=sequence, tail=self.at,
                 guid=guid(self.image.name, "old", sequence), **forced)
        self.sequence = keep
        self.tail = self.at

    def forget(self):
        """Leave the entries in the ring but call the log clean."""
        self.image.set_log_guid(NIL)
