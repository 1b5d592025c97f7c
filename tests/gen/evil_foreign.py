# SPDX-License-Identifier: GPL-2.0-only
"""What is no VHDX at all, and VHDX files cut too short to be one."""
import gzip
import io
import lzma
import os
import struct
import zipfile

from evil_base import dynamic, refuse
from ondisk import KIB, MIB


class Foreign:
    """A file of given pieces; stands where an Image would."""

    parent = None
    saved = False
    also = ()

    def __init__(self, name, pieces, size=None, file=None):
        self.name = name
        self.file = file or name
        self._pieces = pieces
        self._size = size

    def ancestors(self):
        return []

    def save(self, directory):
        path = os.path.join(directory, self.file)
        with open(path, "wb") as out:
            for offset, blob in self._pieces:
                out.seek(offset)
                out.write(blob)
            if self._size is not None:
                out.truncate(self._size)
        return path


def foreign(extension):
    """A case that is a file of another kind: its function returns pieces
    and a size, or pieces alone."""
    def register(function):
        def base(name):
            got = function()
            pieces, size = got if isinstance(got, tuple) else (got, None)
            return Foreign(name, pieces, size, name + extension)

        def nothing(_image):
            pass
        nothing.__name__, nothing.__doc__ = (function.__name__,
                                             function.__doc__)
        return refuse("2", base=base)(nothing)
    return register


def vhdx_bytes():
    """The head of a good VHDX, structures and all."""
    image = dynamic("inside")
    blob = bytearray(image.placed[0])
    for offset, piece in image.pieces():
        if offset + len(piece) <= len(blob):
            blob[offset:offset + len(piece)] = piece
    return bytes(blob)


def vhd_footer(kind, data_offset, size=8 * MIB):
    """The 512 bytes that identify a VHD of version 1."""
    blob = bytearray(512)
    struct.pack_into(">8sIIQI4sI4sQQ", blob, 0, b"conectix", 2, 0x10000,
                     data_offset, 0, b"test", 0x10000, b"Wi2k", size, size)
    struct.pack_into(">HBBI", blob, 56, 240, 4, 17, kind)
    struct.pack_into(">I", blob, 64, ~sum(blob) & 0xffffffff)
    return bytes(blob)


@foreign("")
def foreign_empty():
    """An empty file."""
    return []


@foreign(".vhdx")
def foreign_one_byte():
    """A file of one byte, the right one."""
    return [(0, b"v")]


@foreign(".vhdx")
def foreign_signature_only():
    """Nothing but the eight bytes "vhdxfile"."""
    return [(0, b"vhdxfile")]


@foreign(".txt")
def foreign_text():
    """A text file."""
    return [(0, b"This is not the disk you are looking for.\n" * 100)]


@foreign(".img")
def foreign_zeros():
    """16 MiB of zeros."""
    return [], 16 * MIB


@foreign(".img")
def foreign_raw_mbr():
    """A raw disk with an MBR."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 7, b"\xff\xff\xff",
                        2048, 14336)
    return [(446, entry), (510, b"\x55\xaa")], 8 * MIB


@foreign(".img")
def foreign_raw_gpt():
    """A raw disk with a protective MBR and a GPT."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff",
                        1, 16383)
    return [(446, entry), (510, b"\x55\xaa"), (512, b"EFI PART")], 8 * MIB


@foreign(".vhd")
def foreign_vhd_fixed():
    """A fixed VHD of version 1: raw data, then a footer."""
    return [(8 * MIB, vhd_footer(2, (1 << 64) - 1))]


@foreign(".vhd")
def foreign_vhd_dynamic():
    """A dynamic VHD of version 1: its footer's copy comes first."""
    footer = vhd_footer(3, 512)
    head = struct.pack(">8sQQIII", b"cxsparse", (1 << 64) - 1, 1536, 0x10000,
                       4, 2 * MIB)
    return [(0, footer), (512, head.ljust(1024, b"\0")),
            (1536, b"\xff" * 512), (2048, footer)]


@foreign(".vhdx")
def foreign_vhd_renamed():
    """A dynamic VHD of version 1 with the name of a VHDX."""
    return [(0, vhd_footer(3, 512)), (4 * MIB, vhd_footer(3, 512))]


@foreign(".qcow2")
def foreign_qcow2():
    """A qcow2 image."""
    return [(0, struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 8 * MIB))
            ], 256 * KIB


@foreign(".vmdk")
def foreign_vmdk():
    """A sparse VMDK."""
    return [(0, struct.pack("<4sIIQQ", b"KDMV", 1, 3, 16384, 128))], 128 * KIB


@foreign(".vmdk")
def foreign_vmdk_descriptor():
    """A VMDK's descriptor, which is text."""
    return [(0, b"# Disk DescriptorFile\nversion=1\nCID=fffffffe\n")]


@foreign(".vdi")
def foreign_vdi():
    """A VirtualBox VDI."""
    return [(0, b"<<< Oracle VM VirtualBox Disk Image >>>\n"),
            (0x40, struct.pack("<II", 0xbeda107f, 0x10001))], 2 * MIB


@foreign(".iso")
def foreign_iso():
    """An ISO 9660 image."""
    return [(0x8000, b"\1CD001\1")], MIB


@foreign(".vhdx.gz")
def foreign_gzip():
    """A VHDX inside gzip."""
    return [(0, gzip.compress(vhdx_bytes(), mtime=0))]


@foreign(".vhdx.xz")
def foreign_xz():
    """A VHDX inside xz."""
    return [(0, lzma.compress(vhdx_bytes(), preset=0))]


@foreign(".zip")
def foreign_zip():
    """A VHDX inside a zip, stored: its bytes are all there, 44 too late."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(zipfile.ZipInfo("disk-inside.vhdx"), vhdx_bytes())
    return [(0, out.getvalue())]


@foreign(".vhdx")
def foreign_shifted():
    """A VHDX that begins 512 bytes too late."""
    return [(512, vhdx_bytes())]


def cut_case(length, what):
    """A good image, cut."""
    def cut(image):
        image.cut = length
    cut.__name__ = f"cut_at_{length}"
    cut.__doc__ = f"Cut at {length} bytes: {what}."
    refuse("11")(cut)


for _length, _what in (
        (512, "inside the file identifier"),
        (64 * KIB, "before header 1"),
        (64 * KIB + 80, "inside header 1"),
        (128 * KIB, "before header 2"),
        (192 * KIB, "before the region tables"),
        (192 * KIB + 100, "inside region table 1"),
        (256 * KIB, "before region table 2"),
        (320 * KIB, "after the region tables"),
        (MIB, "before the log"),
        (MIB + 4096, "inside the log"),
        (2 * MIB, "before the metadata region"),
        (2 * MIB + 4096, "inside the metadata table"),
        (2 * MIB + 64 * KIB + 4, "inside the first item"),
        (3 * MIB, "before the BAT"),
        (3 * MIB + 4096, "inside the BAT region"),
        (4 * MIB - 1, "one byte before the end of the BAT region")):
    cut_case(_length, _what)


