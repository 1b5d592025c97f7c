#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""pack.py [--as-is] OUT CHILD [PARENT...]: make a fuzzer's input of VHDX files.

Takes what a reader looks at: header section, log, metadata, BAT and sector
bitmaps; of payload only the first bytes of some pages.  The input's form is
told in input.h.  --as-is: the fuzzer is not to put checksums right before it
runs the input, for files whose fault they are.
"""
import os
import struct
import sys
import uuid

KIB, MIB = 1 << 10, 1 << 20
PAGE = 4096
REPAIR_ALL = 0x3f               # FUZZ_REPAIR_ALL
INPUT_MAX = 64 * KIB
EXTENTS_MAX = 1000              # of 1024, FUZZ_EXTENTS_PARSED
LENGTH_MAX = 4 * MIB            # FUZZ_EXTENT_LENGTH_MAX
GAP = 24                        # zeros that are worth a new extent
PAYLOAD_PAGES = 48              # of which a few bytes are taken
PAYLOAD_BYTES = 16

BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08").bytes_le
PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le
SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F").bytes_le
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le


class TooLarge(Exception):
    """The input would be larger than what is worth mutating."""


class File:
    """A VHDX file, read just well enough to tell metadata from payload."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.size = os.fstat(self.file.fileno()).st_size
        self.metadata = [(0, MIB)]      # ranges that are taken whole
        try:
            self.find_metadata()
        except (struct.error, KeyError, ValueError, ZeroDivisionError):
            pass                        # a malformed one: this far, then

    def read(self, at, length):
        self.file.seek(at)
        return self.file.read(length)

    def numbers(self, at, form):
        return struct.unpack(form, self.read(at, struct.calcsize(form)))

    def entries(self, at, count):
        """GUID -> (first, second number) of 32-byte table entries."""
        return {guid: rest for guid, *rest in
                (self.numbers(at + 32 * i, "<16sQI4x")
                 for i in range(min(count, 64)))}

    def find_metadata(self):
        """Adds log, metadata region, BAT and bitmap blocks."""
        self.metadata.append(self.numbers(64 * KIB + 72, "<Q") +
                             self.numbers(64 * KIB + 68, "<I"))
        regions = self.entries(192 * KIB + 16,
                               *self.numbers(192 * KIB + 8, "<I"))
        self.metadata += [tuple(regions[METADATA]), tuple(regions[BAT])]
        table = regions[METADATA][0]
        items = {guid: table + (both[0] & 0xffffffff) for guid, both in
                 self.entries(table + 32,
                              *self.numbers(table + 10, "<H")).items()}
        block, flags = self.numbers(items[PARAMETERS], "<II")
        sector, = self.numbers(items[SECTOR], "<I")
        if flags & 2:
            self.find_bitmaps(regions[BAT], (sector << 23) // block)

    def find_bitmaps(self, bat, ratio):
        for index in range(ratio, min(bat[1] // 8, 64 * (ratio + 1)),
                           ratio + 1):
            entry, = self.numbers(bat[0] + 8 * index, "<Q")
            if entry & 7 == 6:
                self.metadata.append((entry >> 20 << 20, MIB))

    def is_metadata(self, at):
        return any(start <= at < start + length
                   for start, length in self.metadata)

    def pages(self):
        """(offset, bytes) of each page that is not zero."""
        at, zero = 0, bytes(PAGE)
        while at < self.size:
            try:
                at = os.lseek(self.file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            at -= at % PAGE
            end = os.lseek(self.file.fileno(), at, os.SEEK_HOLE)
            for pos in range(at, end, PAGE):
                page = self.read(pos, min(PAGE, self.size - pos))
                if page.strip(b"\0") and page != zero:
                    yield pos, page
            at = end + (-end % PAGE)


def split(page):
    """(offset, bytes) of the parts of a page between long runs of zeros."""
    at = 0
    for part in page.split(bytes(GAP)):
        start = len(part) - len(part.lstrip(b"\0"))
        if part.strip(b"\0"):
            yield at + start, part.strip(b"\0")
        at += len(part) + GAP


def period(part):
    """The shortest unit that part repeats, if that saves much, or part."""
    for unit in (1, 2, 4, 8, 32):
        if len(part) >= 64 and part[unit:] == part[:-unit]:
            return part[:unit]
    return part


def extents(file):
    """[offset, length, stored bytes] of what a reader looks at."""
    found, payload = [], 0
    for at, page in file.pages():
        unit = period(page)
        if not file.is_metadata(at) and len(unit) == len(page):
            payload += 1
            if payload <= PAYLOAD_PAGES or at % MIB == 0:
                found.append([at, PAYLOAD_BYTES, page[:PAYLOAD_BYTES]])
            continue
        last = found[-1] if found else [0, 0, b""]
        if len(unit) < len(page) and last[2] == unit and \
                last[0] + last[1] == at and last[1] < LENGTH_MAX:
            last[1] += len(page)
            continue
        if len(unit) < len(page):
            found.append([at, len(page), unit])
            continue
        found += [[at + start, len(part), period(part)]
                  for start, part in split(page)]
    return found


def pack(paths, as_is=False, seed=1):
    """The bytes of an input; raises TooLarge."""
    blob = struct.pack("<4sBBBBI", b"vfz1", 0 if as_is else REPAIR_ALL, 0, 3,
                       len(paths), seed)
    for path in paths:
        file = File(path)
        found = extents(file)
        if len(found) > EXTENTS_MAX:
            raise TooLarge(f"{path}: {len(found)} extents")
        blob += struct.pack("<QI", file.size, len(found))
        for at, length, stored in found:
            blob += struct.pack("<QII", at, length, len(stored)) + stored
    if len(blob) > INPUT_MAX:
        raise TooLarge(f"{paths[0]}: {len(blob)} bytes")
    return blob


def main():
    args = sys.argv[1:]
    as_is = args[:1] == ["--as-is"]
    args = args[as_is:]
    if len(args) < 2 or len(args) > 4 or args[0].startswith("-"):
        sys.exit(__doc__)
    try:
        blob = pack(args[1:], as_is)
    except TooLarge as why:
        sys.exit(f"too large: {why}")
    with open(args[0], "wb") as out:
        out.write(blob)


if __name__ == "__main__":
    main()
