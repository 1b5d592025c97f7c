# SPDX-License-Identifier: GPL-2.0-only
"""A VHDX writer for tests, with a model of what the disk should read.

    image = Image("name", size, block_size=2 * MIB, parent=other)
    image.write(offset, length, Stamp(1))
    image.set_state(3, ZERO)
    image.save(directory)       # the file
    image.flat_sha256()         # from the model alone

It shares nothing with dm-vhdx/engine/ (see ondisk.py).  The model knows block
states and painted ranges; file offsets, BAT indexes and bitmaps exist only on
the way to the file, so a slip in them cannot hide in the expected hash.

save() runs prepare() first, unless the caller already did in order to edit
headers, region tables, metadata items or BAT entries, or to add a dirty log.
Space that must never be read is filled with a junk byte, not with zeros.
"""
from bisect import bisect_left
from dataclasses import dataclass, field
import os
import random

from content import Byte, Paint, hash_runs
import ondisk
from ondisk import (BAT, FULLY_PRESENT, METADATA, MIB, NIL, NOT_PRESENT, PAGE,
                    PARTIALLY_PRESENT, Header, Item, Locator, MetadataTable,
                    Region, RegionTable, bat_entry, guid, round_up)

JUNK = Byte(0xe5)
JUNK_EDGE = 64 * 1024           # how far junk reaches into unused space


@dataclass
class Extra:
    """An optional region that no reader knows, filled with junk."""
    guid: object
    length: int = MIB
    required: int = 0
    offset: int = None


@dataclass
class Image:                    # pylint: disable=too-many-instance-attributes
    """One VHDX file.  Sizes in bytes; offsets in the file unless said."""
    name: str
    size: int
    block_size: int = 2 * MIB
    lss: int = 512
    pss: int = 4096
    fixed: bool = False
    parent: "Image" = None
    file: str = None
    directory: str = ""         # below the corpus
    creator: str = "dm-vhdx test writer"
    sequences: tuple = (6, 7)
    order: tuple = ("log", "metadata", "bat")
    region_order: tuple = ("bat", "metadata")
    region_required: int = 1
    extras: list = field(default_factory=list)
    items: list = field(default_factory=list)       # besides the known ones
    item_order: tuple = None
    item_first: int = ondisk.TABLE_SIZE
    item_align: int = 1
    log_length: int = MIB
    bat_length: int = None
    data_start: int = None
    placement: str = "ascending"
    bitmap_place: str = "interleaved"
    gap: int = 0                # bytes left free before each block
    tail: int = 0               # bytes after the last object
    short_last: bool = False

    def __post_init__(self):
        self.file = self.file or os.path.join(self.directory,
                                              self.name + ".vhdx")
        self.paint = Paint()
        self.states = {}
        self.anchors = set()
        self.stale_bits = set()     # blocks whose bits say 1 to no effect
        self.data_write = guid(self.name, "data")
        self.disk_id = (self.parent.disk_id if self.parent
                        else guid(self.name, "disk"))
        self.locator = self.default_locator() if self.parent else None
        self.journal = None
        self.patches = []           # (offset, bytes) over everything
        self.cut = None             # the file's length, if not as laid out
        self.saved = False
        self.also = []              # files to be saved beside it
        self._spoiled = {}
        self._prepared = False

    # --- what the disk holds -------------------------------------------

    @property
    def default_state(self):
        return FULLY_PRESENT if self.fixed else NOT_PRESENT

    @property
    def blocks(self):
        return -(-self.size // self.block_size)

    @property
    def ratio(self):
        return ondisk.chunk_ratio(self.block_size, self.lss)

    def state(self, block):
        return self.states.get(block, self.default_state)

    def set_state(self, block, state, anchor=False):
        """Declare a block's state; with `anchor` it keeps its space."""
        self.states[block] = state
        if anchor:
            self.anchors.add(block)

    def extent(self, block):
        """The virtual range of a block, cut at the end of the disk."""
        start = block * self.block_size
        return start, min(start + self.block_size, self.size)

    def write(self, offset, length, fill):
        """Write as a guest would: states and sector bits follow."""
        assert offset % self.lss == 0 and length % self.lss == 0
        assert offset + length <= self.size
        end = offset + length
        for block in range(offset // self.block_size,
                           -(-end // self.block_size)):
            first, last = self.extent(block)
            state = self.state(block)
            if offset <= first and last <= end:
                state = FULLY_PRESENT
            elif state in (ondisk.UNDEFINED, ondisk.ZERO, ondisk.UNMAPPED):
                self.paint.put(first, last - first, Byte(0))
                state = FULLY_PRESENT
            elif self.parent and state == NOT_PRESENT:
                state = PARTIALLY_PRESENT
            elif state != PARTIALLY_PRESENT:
                state = FULLY_PRESENT
            self.states[block] = state
        self.paint.put(offset, length, fill)
        return self

    def _stretches(self, start, end):
        """(start, end, state) runs; blocks never named are taken together."""
        named = sorted(self.states)
        at = start
        while at < end:
            block = at // self.block_size
            if block in self.states:
                stop = min(end, (block + 1) * self.block_size)
            else:
                index = bisect_left(named, block)
                stop = end if index == len(named) else min(
                    end, named[index] * self.block_size)
            yield at, stop, self.state(block)
            at = stop

    def _below(self, start, end):
        """What the parent shows of a range; past its end there are zeros."""
        edge = min(end, self.parent.size) if self.parent else start
        if start < edge:
            yield from self.parent.runs(start, edge)
        if max(start, edge) < end:
            yield max(start, edge), end, None

    def runs(self, start=0, end=None):
        """(start, end, fill or None): the disk as a reader must see it."""
        end = self.size if end is None else end
        for first, last, state in self._stretches(start, end):
            if state == NOT_PRESENT:
                yield from self._below(first, last)
            elif state == FULLY_PRESENT:
                yield from self.paint.runs(first, last)
            elif state == PARTIALLY_PRESENT:
                for one, two, fill in self.paint.runs(first, last):
                    if fill is None:
                        yield from self._below(one, two)
                    else:
                        yield one, two, fill
            else:
                yield first, last, None

    def flat_sha256(self, start=0, end=None):
        return hash_runs(self.runs(start, end))

    # --- where it goes --------------------------------------------------

    def default_locator(self):
        """What a careful writer says of the parent."""
        path = os.path.relpath(self.parent.file, self.directory or ".")
        path = path.replace("/", "\\")
        dots = "" if path.startswith("..") else ".\\"
        return Locator([
            ("parent_linkage", ondisk.braced(self.parent.data_write)),
            ("relative_path", dots + path),
            ("absolute_win32_path", "\\\\?\\C:\\disks\\"
             + os.path.basename(self.parent.file))])

    def prepare(self):
        """Lay out the file and build every structure, ready to be edited."""
        self._prepared = True
        self._place_regions()
        self._place_blocks()
        self._build_bat()
        self._build_metadata()
        self.headers = [Header(seq, guid(self.name, "file", index),
                               self.data_write, NIL, self.log_length,
                               self.log_offset)
                        for index, seq in enumerate(self.sequences)]
        regions = {"bat": Region(BAT, self.bat_offset, self.bat_length,
                                 self.region_required),
                   "metadata": Region(METADATA, self.meta_offset, MIB,
                                      self.region_required)}
        for extra in self.extras:
            regions[extra.guid] = Region(extra.guid, extra.offset,
                                         extra.length, extra.required)
        order = self.region_order
        order += tuple(name for name in regions if name not in order)
        self.tables = [RegionTable([Region(**vars(regions[name]))
                                    for name in order]) for _ in range(2)]
        return self

    def _place_regions(self):
        count = ondisk.bat_entries(self.size, self.block_size, self.lss,
                                   bool(self.parent))
        if self.bat_length is None:
            self.bat_length = round_up(count * 8, MIB)
        length = {"log": self.log_length, "metadata": MIB,
                  "bat": self.bat_length}
        at = MIB
        place = {}
        for name in self.order:
            place[name] = at
            at += length[name]
        self.log_offset = place["log"]
        self.meta_offset = place["metadata"]
        self.bat_offset = place["bat"]
        for extra in self.extras:
            extra.offset, at = at, at + extra.length
        self._data_from = max(at, self.data_start or 0)

    def _place_blocks(self):
        """File offsets for blocks that own space, and for bitmaps."""
        owners = set(self.anchors)
        owners |= {b for b, s in self.states.items() if s >= FULLY_PRESENT}
        if self.fixed:
            owners |= {b for b in range(self.blocks)
                       if self.state(b) >= FULLY_PRESENT}
        chunks = {b // self.ratio for b in owners
                  if self.state(b) == PARTIALLY_PRESENT}
        objects = self._sequence(sorted(owners), sorted(chunks))
        self.placed, self.bitmaps = {}, {}
        at = self._data_from
        for kind, number in objects:
            at += self.gap
            if kind == "bitmap":
                self.bitmaps[number] = at
                at += MIB
            else:
                self.placed[number] = at
                at += self.block_size
        if self.short_last:
            assert objects[-1] == ("block", self.blocks - 1)
            at -= -self.size % self.block_size
        self.file_size = at + self.tail

    def _sequence(self, owners, chunks):
        """The order in the file of ("block", n) and ("bitmap", n)."""
        if self.placement == "descending":
            owners.reverse()
        elif self.placement == "shuffled":
            random.Random(self.name).shuffle(owners)
        elif self.placement == "rotated":
            owners = owners[len(owners) // 2:] + owners[:len(owners) // 2]
        blocks = [("block", b) for b in owners]
        bitmaps = [("bitmap", c) for c in chunks]
        if self.bitmap_place == "first":
            return bitmaps + blocks
        if self.bitmap_place == "last":
            return blocks + bitmaps
        for chunk in chunks:
            first = next(i for i, (kind, b) in enumerate(blocks)
                         if kind == "block" and b // self.ratio == chunk)
            blocks.insert(first, ("bitmap", chunk))
        return blocks

    def _build_bat(self):
        self.bat = {}
        for block in set(self.states) | set(self.placed):
            self.bat[self.index(block)] = bat_entry(
                self.state(block), self.placed.get(block, 0))
        for chunk, offset in self.bitmaps.items():
            self.bat[self.bitmap_index(chunk)] = bat_entry(FULLY_PRESENT,
                                                           offset)

    def index(self, block):
        """The BAT index of a payload block."""
        return ondisk.payload_index(block, self.ratio)

    def bitmap_index(self, chunk=0):
        return ondisk.bitmap_index(chunk, self.ratio)

    def bat_at(self, index):
        """The file offset of a BAT entry."""
        return self.bat_offset + 8 * index

    def _build_metadata(self):
        flags = int(self.fixed) | int(bool(self.locator)) << 1
        disk = ondisk.IS_VIRTUAL_DISK | ondisk.IS_REQUIRED
        items = [
            Item(ondisk.FILE_PARAMETERS, self.block_size.to_bytes(4, "little")
                 + flags.to_bytes(4, "little")),
            Item(ondisk.DISK_SIZE, self.size.to_bytes(8, "little"), disk),
            Item(ondisk.LOGICAL_SECTOR, self.lss.to_bytes(4, "little"), disk),
            Item(ondisk.PHYSICAL_SECTOR, self.pss.to_bytes(4, "little"),
                 disk),
            Item(ondisk.DISK_ID, self.disk_id.bytes_le, disk)]
        if self.locator:
            items.append(Item(ondisk.PARENT_LOCATOR, self.locator.encode()))
        items += self.items
        if self.item_order:
            items = [items[i] for i in self.item_order]
        self.metadata = MetadataTable(items, first=self.item_first,
                                      align=self.item_align)

    # --- the bytes ------------------------------------------------------

    def set_log_guid(self, value):
        for header in self.headers:
            header.log_guid = value

    def spoil(self, offset, page):
        """What stands in place of a page that only the log has right."""
        self._spoiled[offset] = page.ljust(PAGE, b"\0")

    def bitmap_bytes(self, chunk):
        """The sector bitmap block of a chunk, one bit a sector."""
        blob = bytearray(MIB)
        share = MIB // self.ratio
        for number in range(self.ratio):
            block = chunk * self.ratio + number
            if block in self.stale_bits:
                blob[number * share:(number + 1) * share] = b"\xff" * share
            elif self.state(block) == PARTIALLY_PRESENT:
                base = chunk * self.ratio * self.block_size
                for start, end, fill in self.paint.runs(*self.extent(block)):
                    if fill is not None:
                        set_bits(blob, (start - base) // self.lss,
                                 (end - base) // self.lss)
        return bytes(blob)

    def structures(self):
        """(file offset, bytes) of all that the log may carry."""
        for offset, table in zip(ondisk.REGION_OFFSETS, self.tables):
            yield offset, table.encode()
        for at, blob in self.metadata.encode():
            yield self.meta_offset + at, blob
        for index, entry in self.bat.items():
            yield self.bat_at(index), entry.to_bytes(8, "little")
        for chunk, offset in self.bitmaps.items():
            yield offset, self.bitmap_bytes(chunk)

    def pages(self):
        """The same by 4 KiB page; pages of zeros are left out."""
        pages = {}
        for offset, blob in self.structures():
            for at in range(offset - offset % PAGE, offset + len(blob), PAGE):
                page = pages.setdefault(at, bytearray(PAGE))
                lo, hi = max(at, offset), min(at + PAGE, offset + len(blob))
                page[lo - at:hi - at] = blob[lo - offset:hi - offset]
        return {at: bytes(p) for at, p in pages.items() if any(p)}

    def payload(self):
        """(file offset, bytes) of the payload blocks, holes left out."""
        for block, offset in self.placed.items():
            start, end = self.extent(block)
            for one, two, fill in self.paint.runs(start, end):
                if fill is None and self.state(block) != FULLY_PRESENT:
                    edge = min(two - one, JUNK_EDGE)
                    yield offset + one - start, JUNK.data(0, edge)
                    yield offset + two - start - edge, JUNK.data(0, edge)
                for at in range(one, two if fill else one, MIB):
                    yield (offset + at - start,
                           fill.data(at, min(MIB, two - at)))
            if end - start < self.block_size and not self.short_last:
                yield offset + end - start, JUNK.data(0, self.lss)

    def pieces(self):
        """(file offset, bytes) of the whole file, in the order of writing."""
        yield 0, b"vhdxfile" + self.creator.encode("utf-16-le")[:512]
        for offset, header in zip(ondisk.HEADER_OFFSETS, self.headers):
            yield offset, header.encode()
        for extra in self.extras:
            yield extra.offset, JUNK.data(0, JUNK_EDGE)
        yield from self.payload()
        yield from self.pages().items()
        yield from self._spoiled.items()
        for at, sector in (self.journal.sectors if self.journal
                           else {}).items():
            yield self.log_offset + at, sector
        yield from self.patches

    def save(self, directory):
        """Write the file below `directory`, sparse; returns its path."""
        if not self._prepared:
            self.prepare()
        path = os.path.join(directory, self.file)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as out:
            out.truncate(self.file_size)
            for offset, blob in self.pieces():
                out.seek(offset)
                out.write(blob)
            if self.cut is not None:
                out.truncate(self.cut)
        return path

    @property
    def dirty(self):
        """Whether a reader has to replay the log."""
        return self.journal is not None and any(
            header.log_guid != NIL for header in self.headers)

    def ancestors(self):
        """The parents, nearest first."""
        image, found = self.parent, []
        while image:
            found.append(image)
            image = image.parent
        return found


def set_bits(blob, start, end):
    """Set bits [start, end), least significant first in each byte."""
    while start < end and start % 8:
        blob[start // 8] |= 1 << start % 8
        start += 1
    whole = (end - start) // 8 if end > start else 0
    blob[start // 8:start // 8 + whole] = b"\xff" * whole
    for bit in range(start + 8 * whole, end):
        blob[bit // 8] |= 1 << bit % 8
