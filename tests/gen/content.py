# SPDX-License-Identifier: GPL-2.0-only
"""What a test disk holds: fills, and where they were painted.

The flat content of every test image is known from here, from what the writer
was asked for, and never from reading an image back.

A fill is an endless pattern with `data(offset, length)`.  Stamp is the one to
use: each 16 bytes name the fill and their own place on the virtual disk, so a
sector served from the wrong block, layer or file offset cannot hash right.
Paint records which ranges were filled with what, the last stroke on top.
"""
from bisect import bisect_right
from dataclasses import dataclass
import hashlib
import struct

ZEROS = bytes(1 << 20)


@dataclass(frozen=True)
class Stamp:
    """Every 512 bytes: the tag and the number of the 512-byte unit, x32."""
    tag: int

    def data(self, offset, length):
        first, last = offset // 512, -(-(offset + length) // 512)
        tag = self.tag
        blob = b"".join(struct.pack("<QQ", tag, unit) * 32
                        for unit in range(first, last))
        skip = offset - first * 512
        return blob[skip:skip + length]


@dataclass(frozen=True)
class Byte:
    """One byte over and over."""
    value: int

    def data(self, _offset, length):
        return bytes([self.value]) * length


@dataclass(frozen=True)
class Blob:
    """Given bytes at a given place, such as a file system made elsewhere."""
    base: int
    blob: bytes

    def data(self, offset, length):
        at = offset - self.base
        return self.blob[at:at + length].ljust(length, b"\0")


class Paint:
    """A sparse map from ranges to fills: sorted, disjoint."""

    def __init__(self):
        self._starts = []
        self._runs = []         # (start, end, fill)

    def put(self, start, length, fill):
        """Lay a stroke over whatever was there."""
        end = start + length
        lo = bisect_right(self._starts, start)
        if lo and self._runs[lo - 1][1] > start:
            lo -= 1
        hi = lo
        while hi < len(self._runs) and self._runs[hi][0] < end:
            hi += 1
        kept = []
        if lo < hi and self._runs[lo][0] < start:
            kept.append((self._runs[lo][0], start, self._runs[lo][2]))
        kept.append((start, end, fill))
        if lo < hi and self._runs[hi - 1][1] > end:
            kept.append((end, self._runs[hi - 1][1], self._runs[hi - 1][2]))
        self._runs[lo:hi] = kept
        self._starts[lo:hi] = [run[0] for run in kept]

    def runs(self, start, end):
        """(start, end, fill or None) covering [start, end) without a gap."""
        at = start
        index = max(0, bisect_right(self._starts, start) - 1)
        while at < end and index < len(self._runs):
            first, last, fill = self._runs[index]
            index += 1
            if last <= at:
                continue
            if first >= end:
                break
            if first > at:
                yield at, first, None
                at = first
            yield at, min(last, end), fill
            at = min(last, end)
        if at < end:
            yield at, end, None

    def strokes(self):
        return list(self._runs)


def hash_runs(runs):
    """SHA-256 over (start, end, fill or None) runs; None reads as zeros."""
    digest = hashlib.sha256()
    for start, end, fill in runs:
        for at in range(start, end, len(ZEROS)):
            length = min(len(ZEROS), end - at)
            if fill is None:
                digest.update(ZEROS if length == len(ZEROS)
                              else ZEROS[:length])
            else:
                digest.update(fill.data(at, length))
    return digest.hexdigest()
