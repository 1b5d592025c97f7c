# SPDX-License-Identifier: GPL-2.0-only
"""A plain VHDX reader: the second opinion on the writer's files.

Slow and simple: it opens a chain, replays a dirty log in memory, and hashes
the flat disk.  The selftest runs it on real images too, so that the reading
of the format that the writer rests on is held against Windows and QEMU.
Anything it does not like raises FormatError.
"""
import hashlib
import os
import struct
import uuid

from content import ZEROS
import ondisk
from ondisk import (FULLY_PRESENT, MIB, NIL, NOT_PRESENT, PAGE,
                    PARTIALLY_PRESENT, crc_valid)


FILE_MAX = 1 << 48              # no file is larger, so no offset is


class FormatError(Exception):
    """The file is not a VHDX this reader can read."""


def need(condition, what):
    if not condition:
        raise FormatError(what)


class Log:
    """Finds the active sequence of a log, [MS-VHDX] 2.3.2."""

    def __init__(self, blob, guid, base):
        self.blob = blob
        self.guid = guid
        self.base = base        # where in the file the log begins

    def _ring(self, at, length):
        at %= len(self.blob)
        return self.blob[at:at + length] + self.blob[:max(
            0, at + length - len(self.blob))]

    def entry(self, at):
        """(sequence, tail, length, flushed, last, writes) or None."""
        head = self.blob[at:at + 64]
        (sign, _, length, tail, seq, count, _, guid, flushed,
         last) = struct.unpack("<4sIIIQII16sQQ", head)
        if (sign != b"loge" or guid != self.guid.bytes_le or not seq
                or length % PAGE or not 0 < length <= len(self.blob)
                or tail % PAGE or tail >= len(self.blob)):
            return None
        sector = ondisk.round_up(64 + 32 * count, PAGE)
        if sector > length:
            return None
        writes = []
        for index in range(count):
            got = self._descriptor(self._ring(at + 64 + 32 * index, 32),
                                   at + sector, seq)
            if got is None or sector > length:
                return None
            writes.append(got)
            sector += PAGE * (got[2] is not None)
        # Last, as it is dear: a log may be full of headers that claim it all.
        if sector != length or not crc_valid(self._ring(at, length)):
            return None
        return seq, tail, length, flushed, last, writes

    def _allowed(self, offset, length):
        """Whether the log may write there: not to headers, nor to itself."""
        end = offset + length
        return (not length % PAGE and end <= FILE_MAX
                and offset >= ondisk.REGION_OFFSETS[0]
                and (end <= self.base or offset >= self.base
                     + len(self.blob)))

    def _descriptor(self, raw, sector, seq):
        """(offset, end, page, or None where zeros are due), or None."""
        sign, trailing, leading, offset, mine = struct.unpack("<4s4s8sQQ",
                                                              raw)
        if mine != seq or offset % PAGE:
            return None
        if sign == b"zero":
            length = int.from_bytes(leading, "little")
            return ((offset, offset + length, None)
                    if self._allowed(offset, length) else None)
        if sign != b"desc" or not self._allowed(offset, PAGE):
            return None
        page = self._ring(sector, PAGE)
        if page[:8] + page[4092:] != struct.pack(
                "<4sII", b"data", seq >> 32, seq & 0xffffffff):
            return None
        return offset, offset + PAGE, leading + page[8:4092] + trailing

    def active(self):
        """The entries to replay, oldest first."""
        best, at, size = [], 0, len(self.blob)
        while at < size:
            chain, where, covered = [], at, 0
            while covered < size:
                got = self.entry(where)
                if not got or (chain and got[0] != chain[-1][1][0] + 1):
                    break
                chain.append((where, got))
                covered += got[2]
                where = (where + got[2]) % size
            places = [place for place, _ in chain]
            if chain and chain[-1][1][1] in places:
                if not best or chain[-1][1][0] > best[-1][0]:
                    first = places.index(chain[-1][1][1])
                    best = [entry for _, entry in chain[first:]]
                at += covered
            else:
                at += PAGE
        need(best, "no valid log sequence")
        return best


class Disk:
    """One image with its parents below it."""

    def __init__(self, path, parents=(), replay=True):
        self.path = path
        self._fd = os.open(path, os.O_RDONLY)
        self.file_size = os.fstat(self._fd).st_size
        self._writes = []       # what the log's replay changes, in order
        self.parent = None
        try:
            self._open(parents, replay)
        except Exception:
            self.close()
            raise

    def _open(self, parents, replay):
        self._headers()
        if replay and self.header["log_guid"] != NIL:
            self._replay()
        self._regions()
        self._metadata()
        if self.has_parent:
            need(parents, "differencing, and no parent given")
            self.parent = Disk(parents[0], parents[1:], replay)
            self._check_link()
        else:
            need(not parents, "a parent given, but not differencing")
        self.ratio = ondisk.chunk_ratio(self.block_size, self.lss)

    def close(self):
        os.close(self._fd)
        if self.parent:
            self.parent.close()

    def read(self, offset, length):
        """Bytes of the file as they stand after the log's replay."""
        blob = os.pread(self._fd, length, offset)
        blob = blob.ljust(length, b"\0")
        if not self._writes:
            return blob
        blob = bytearray(blob)
        for first, last, page in self._writes:
            start, end = max(offset, first), min(offset + length, last)
            if start < end:
                blob[start - offset:end - offset] = bytes(end - start) \
                    if page is None else page[start - first:end - first]
        return bytes(blob)

    def _headers(self):
        need(os.pread(self._fd, 8, 0) == b"vhdxfile", "no vhdxfile")
        found = []
        for offset in ondisk.HEADER_OFFSETS:
            raw = os.pread(self._fd, PAGE, offset)
            if len(raw) == PAGE and raw[:4] == b"head" and crc_valid(raw):
                found.append((int.from_bytes(raw[8:16], "little"), raw))
        need(found, "no valid header")
        found.sort()
        if len(found) == 2 and found[0][0] == found[1][0]:
            need(found[0][1] == found[1][1], "two current headers")
        raw = found[-1][1]
        names = ("sequence", "file_write", "data_write", "log_guid",
                 "log_version", "version", "log_length", "log_offset")
        self.header = dict(zip(names, struct.unpack_from(
            "<Q16s16s16sHHIQ", raw, 8)))
        for name in ("file_write", "data_write", "log_guid"):
            self.header[name] = uuid.UUID(bytes_le=self.header[name])
        need(self.header["version"] == 1, "version")

    def _replay(self):
        header = self.header
        need(header["log_version"] == 0, "log version")
        blob = os.pread(self._fd, header["log_length"], header["log_offset"])
        need(blob and len(blob) == header["log_length"], "log out of file")
        entries = Log(blob, header["log_guid"],
                      header["log_offset"]).active()
        need(self.file_size >= entries[-1][3], "file shorter than flushed")
        for entry in entries:
            self._writes += entry[5]
        self.file_size = max(self.file_size, entries[-1][4],
                             *(end for _, end, _ in self._writes), 0)

    def _regions(self):
        for offset in ondisk.REGION_OFFSETS:
            raw = self.read(offset, ondisk.TABLE_SIZE)
            if raw[:4] == b"regi" and crc_valid(raw):
                break
        else:
            raise FormatError("no valid region table")
        self.regions = {}
        for at in range(int.from_bytes(raw[8:12], "little")):
            name, offset, length, required = struct.unpack_from(
                "<16sQII", raw, 16 + 32 * at)
            name = uuid.UUID(bytes_le=name)
            need(name in (ondisk.BAT, ondisk.METADATA) or not required & 1,
                 "unknown required region")
            self.regions[name] = (offset, length)
        need({ondisk.BAT, ondisk.METADATA} <= set(self.regions), "regions")

    def _metadata(self):
        base, _ = self.regions[ondisk.METADATA]
        raw = self.read(base, ondisk.TABLE_SIZE)
        need(raw[:8] == b"metadata", "metadata signature")
        items = {}
        for at in range(int.from_bytes(raw[10:12], "little")):
            name, offset, length, flags = struct.unpack_from(
                "<16sIII", raw, 32 + 32 * at)
            if not flags & ondisk.IS_USER:
                items[uuid.UUID(bytes_le=name)] = self.read(base + offset,
                                                            length)

        def number(which, size=8):
            need(which in items, "missing item")
            return int.from_bytes(items[which][:size], "little")
        self.block_size = number(ondisk.FILE_PARAMETERS, 4)
        self.has_parent = bool(number(ondisk.FILE_PARAMETERS) >> 33 & 1)
        self.size = number(ondisk.DISK_SIZE)
        self.lss = number(ondisk.LOGICAL_SECTOR)
        self.pss = number(ondisk.PHYSICAL_SECTOR)
        self.disk_id = uuid.UUID(bytes_le=items[ondisk.DISK_ID])
        self.locator = {}
        if self.has_parent:
            self._locator(items[ondisk.PARENT_LOCATOR])

    def _locator(self, raw):
        need(raw[:16] == ondisk.VHDX_LOCATOR.bytes_le, "locator type")
        for at in range(int.from_bytes(raw[18:20], "little")):
            key, value, klen, vlen = struct.unpack_from("<IIHH", raw,
                                                        20 + 12 * at)
            self.locator[raw[key:key + klen].decode("utf-16-le")] = \
                raw[value:value + vlen].decode("utf-16-le")

    def _check_link(self):
        links = {uuid.UUID(self.locator[key]) for key in
                 ("parent_linkage", "parent_linkage2") if key in self.locator}
        need(self.parent.header["data_write"] in links - {NIL}, "linkage")
        need(self.parent.lss == self.lss, "sector sizes differ")

    def entry(self, index):
        """(state, file offset) of a BAT entry."""
        raw = self.read(self.regions[ondisk.BAT][0] + 8 * index, 8)
        value = int.from_bytes(raw, "little")
        return value & 7, (value >> 20) * MIB

    def _below(self, start, end):
        edge = min(end, self.parent.size) if self.parent else start
        if start < edge:
            yield from self.parent.chunks(start, edge)
        yield from zeros(end - max(start, edge))

    def chunks(self, start, end):
        """The disk's bytes from start to end, in pieces."""
        at = start
        while at < end:
            block = at // self.block_size
            stop = min(end, (block + 1) * self.block_size)
            state, offset = self.entry(ondisk.payload_index(block,
                                                            self.ratio))
            skip = at - block * self.block_size
            # Without a parent there is no other place for the bytes.
            if state == FULLY_PRESENT or (state == PARTIALLY_PRESENT
                                          and not self.parent):
                yield from self._payload(offset + skip, stop - at)
            elif state == PARTIALLY_PRESENT:
                yield from self._partial(block, offset, at, stop)
            elif state == NOT_PRESENT:
                yield from self._below(at, stop)
            else:
                need(state < 4, "reserved block state")
                yield from zeros(stop - at)
            at = stop

    def origins(self, start, end, level=0):
        """(start, end, level, whether it is data) of what each image decides.

        Level 0 is this image. Where an image shows its parent, and the parent
        is not that long, the image decides on zeros.
        """
        at = start
        while at < end:
            block = at // self.block_size
            stop = min(end, (block + 1) * self.block_size)
            state, _ = self.entry(ondisk.payload_index(block, self.ratio))
            if state == PARTIALLY_PRESENT and self.parent:
                for one, two, mine in self._bits(block, at, stop):
                    if mine:
                        yield one, two, level, True
                    else:
                        yield from self._origins_below(one, two, level)
            elif state == NOT_PRESENT:
                yield from self._origins_below(at, stop, level)
            else:
                yield at, stop, level, state in (FULLY_PRESENT,
                                                 PARTIALLY_PRESENT)
            at = stop

    def _origins_below(self, start, end, level):
        edge = max(start, min(end, self.parent.size)) if self.parent else start
        if start < edge:
            yield from self.parent.origins(start, edge, level + 1)
        if edge < end:
            yield edge, end, level, False

    def _payload(self, offset, length):
        need(MIB <= offset < self.file_size, "block out of the file")
        for at in range(offset, offset + length, MIB):
            yield self.read(at, min(MIB, offset + length - at))

    def _bits(self, block, start, end):
        """(start, end, whether it is this image's) of a block's sectors."""
        chunk = block // self.ratio
        state, bitmap = self.entry(ondisk.bitmap_index(chunk, self.ratio))
        need(state == FULLY_PRESENT, "no sector bitmap")
        first = (start - chunk * self.ratio * self.block_size) // self.lss
        count = (end - start) // self.lss
        bits = self.read(bitmap + first // 8, count // 8 + 2)
        at = 0
        while at < count:
            mine = bit(bits, first % 8 + at)
            stop = at + 1
            while stop < count and bit(bits, first % 8 + stop) == mine:
                stop += 1
            yield start + at * self.lss, start + stop * self.lss, mine
            at = stop

    def _partial(self, block, offset, start, end):
        for one, two, mine in self._bits(block, start, end):
            if mine:
                yield from self._payload(
                    offset + one - block * self.block_size, two - one)
            else:
                yield from self._below(one, two)

    def flat_sha256(self, start=0, end=None):
        digest = hashlib.sha256()
        for piece in self.chunks(start, self.size if end is None else end):
            digest.update(piece)
        return digest.hexdigest()


def bit(blob, number):
    return blob[number // 8] >> number % 8 & 1


def zeros(length):
    for at in range(0, length, MIB):
        yield ZEROS[:min(MIB, length - at)]


def flat_sha256(chain, replay=True):
    """The hash of a chain of paths, the child first."""
    disk = Disk(chain[0], chain[1:], replay)
    try:
        return disk.flat_sha256()
    finally:
        disk.close()
