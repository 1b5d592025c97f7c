#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""salvage-damage.py [NAME...]: `vhdxsetup salvage` of images damaged on purpose.

Each case builds a good image, whose content is known from its model alone, and
damages the file. It says which bytes of the disk must come out, all others of
which must be told as lost, with the reason. The copy is judged by
tests/gen/reader.py, `vhdxsetup check` and, where it can open it, qemu-img. The
damaged file must not change. $VHDXSETUP is the program.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
from content import Blob, Stamp, hash_runs      # noqa: E402
from log import Journal         # noqa: E402
import ondisk                   # noqa: E402
from ondisk import FULLY_PRESENT, KIB, MIB, PAGE, bat_entry     # noqa: E402
from reader import Disk         # noqa: E402
from tap import Skip, Tap       # noqa: E402
from vhdx import Image          # noqa: E402

LOST = 17
HANGS = 3600
END = "past the end of the file"
MEDIUM = "cannot be read"
CASES = {}

SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The medium of the file $BAD_INODE has bad places: START-END,... in $BAD. */
ssize_t pread64(int fd, void *buf, size_t len, off64_t pos)
{
	const char *bad = getenv("BAD");
	long long start, end;
	struct stat st;
	int n;

	if (!fstat(fd, &st) && st.st_ino == strtoull(getenv("BAD_INODE"), 0, 10))
		for (; bad && sscanf(bad, "%lld-%lld,%n", &start, &end, &n) == 2;
		     bad += n)
			if (pos < end && pos + (long long)len > start) {
				errno = EIO;
				return -1;
			}
	return syscall(SYS_pread64, fd, buf, len, pos);
}
"""


class Case:
    """One damaged image, and what must become of it."""

    def __init__(self, image):
        self.image = image
        self.edits = []         # (offset, bytes)
        self.cut = None
        self.bad = []           # (start, end) that the medium does not give
        self.lost = []          # (start, end, reason)
        self.guesses = []       # what each guess says
        self.options = []
        self.whole = None       # an image with what the copy reads like
        self.exit = None        # if there is no copy
        self.error = ""

    def write(self, offset, blob):
        self.edits.append((offset, blob))
        return self

    def junk(self, offset, length):
        return self.write(offset, b"\xa5" * length)

    def entry(self, block, value):
        """Overwrite the BAT entry of a block."""
        return self.write(self.image.bat_at(self.image.index(block)),
                          value.to_bytes(8, "little"))

    def loses(self, start, end, reason):
        self.lost.append((start, end, reason))
        return self

    def block_lost(self, block, reason):
        return self.loses(*self.image.extent(block), reason)

    def guess(self, text):
        self.guesses.append(text)
        return self

    def fails(self, code, text):
        self.exit, self.error = code, text
        return self

    def option(self, *options):
        self.options += options
        return self


def case(make):
    CASES[make.__name__.replace("_", "-")] = make
    return make


def disk(name, size=24 * MIB, share=MIB, **knobs):
    """A disk with data in most blocks, `share` of each, laid out."""
    knobs.setdefault("block_size", MIB)
    image = Image(name, size, **knobs)
    for block in range(image.blocks):
        if block % 8 != 5:
            start, end = image.extent(block)
            image.write(start, min(end - start, share), Stamp(block + 1))
    return image.prepare()


def damage(name, **knobs):
    return Case(disk(name, **knobs))


def offset(image, block):
    return image.placed[block]


# --- What the file lacks.

@case
def cut_between_blocks():
    """The last three blocks are gone."""
    it = damage("cut-between")
    it.cut = offset(it.image, 20)
    # Block 21 has no data.
    return it.block_lost(20, END).loses(22 * MIB, 24 * MIB, END)


@case
def cut_in_a_block():
    """What is there of the block that is cut is saved, too."""
    it = damage("cut-in")
    it.cut = offset(it.image, 22) + 700 * KIB
    return it.loses(22 * MIB + 700 * KIB, 24 * MIB, END)


@case
def cut_in_a_sector():
    it = damage("cut-sector")
    it.cut = offset(it.image, 23) + 1000
    return it.loses(23 * MIB + 512, 24 * MIB, END)


@case
def cut_in_a_large_sector():
    it = damage("cut-large-sector", lss=4096)
    it.cut = offset(it.image, 23) + 3 * 4096 + 512
    return it.loses(23 * MIB + 3 * 4096, 24 * MIB, END)


@case
def cut_in_the_bat():
    """The BAT lies last, and its end is gone with its second page."""
    it = damage("cut-bat", size=600 * MIB, share=4 * KIB, placement="ascending",
                order=("log", "metadata", "bat"))
    image = it.image
    # Nothing but the BAT's second page lies behind the blocks: move it there.
    end = image.file_size
    for table in image.tables:
        for region in table.entries:
            if region.guid == ondisk.BAT:
                region.offset = end
    image.bat_offset = end
    image.file_size = end + image.bat_length
    it.cut = end + PAGE + 64
    it.guess("the places of BAT")
    it.guess("ends past the end of the file")
    return it.loses((512 + 8) * MIB, 600 * MIB,
                    "its BAT entry is past the end of the file")


@case
def cut_with_a_dirty_log():
    """The log says how long the file was, and is good all the same."""
    it = damage("cut-dirty")
    journal = Journal(it.image)
    journal.add(journal.data(it.image.bat_offset, spoil=bytes(PAGE)))
    it.cut = offset(it.image, 23)
    it.guess("when the log was written")
    return it.block_lost(23, END)


@case
def cut_without_headers_and_regions():
    """Three things at once."""
    it = damage("cut-headless").junk(64 * KIB, 256 * KIB)
    it.cut = offset(it.image, 23) + 4096
    it.guess("both copies are lost; whether")
    it.guess("both copies are lost; the BAT")
    it.guess("found here by its signature")
    it.guess("found here by its entries")
    return it.loses(23 * MIB + 4096, 24 * MIB, END)


# --- What the medium does not give.

@case
def bad_sectors():
    """As few sectors are given up as the medium refuses."""
    it = damage("bad-sectors")
    at = offset(it.image, 7)
    it.bad = [(at + 5 * 512, at + 6 * 512),
              (at + 300 * KIB, at + 301 * KIB)]
    base = 7 * MIB
    it.loses(base + 5 * 512, base + 6 * 512, MEDIUM)
    return it.loses(base + 300 * KIB, base + 301 * KIB, MEDIUM)


@case
def bad_large_sector():
    it = damage("bad-large-sector", lss=4096)
    at = offset(it.image, 2)
    it.bad = [(at + 8192 + 512, at + 8192 + 1024)]
    return it.loses(2 * MIB + 8192, 2 * MIB + 12288, MEDIUM)


@case
def bad_page_of_the_bat():
    it = damage("bad-bat", size=1030 * MIB, share=4 * KIB)
    it.bad = [(it.image.bat_offset + PAGE, it.image.bat_offset + PAGE + 512)]
    return it.loses(512 * MIB, 1024 * MIB, "its BAT entry cannot be read")


@case
def bad_header_and_table():
    """A copy that cannot be read is like one that is torn."""
    it = damage("bad-header")
    it.bad = [(64 * KIB, 65 * KIB), (192 * KIB, 193 * KIB)]
    return it


@case
def bad_log():
    """A log that must be replayed, on a bad place."""
    it = damage("bad-log")
    image = it.image
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset))
    it.bad = [(image.log_offset, image.log_offset + 512)]
    return it.guess("must be replayed and cannot be")


# --- Headers and region tables.

@case
def one_header():
    it = damage("one-header").junk(64 * KIB, PAGE)
    return it


@case
def no_header():
    return damage("no-header").junk(64 * KIB, 128 * KIB).guess(
        "both copies are lost; whether the log holds changes")


@case
def header_checksums():
    """The log of a header whose checksum alone is wrong is replayed."""
    it = damage("header-checksums")
    journal = Journal(it.image)
    journal.add(journal.data(it.image.bat_offset, spoil=bytes(PAGE)))
    it.write(64 * KIB + 200, b"x").write(128 * KIB + 200, b"x")
    return it.guess("no copy has the right checksum")


@case
def log_out_of_the_file():
    it = damage("log-out")
    for header in it.image.headers:
        header.log_offset = 1 << 40
    return it.guess("does not lie in the file")


@case
def one_region_table():
    return damage("one-table").junk(192 * KIB, 64 * KIB)


@case
def region_tables_searched():
    it = damage("no-table").junk(192 * KIB, 128 * KIB)
    it.guess("both copies are lost; the BAT and the metadata")
    it.guess("found here by its signature")
    return it.guess("found here by its entries")


@case
def region_tables_moved():
    """The BAT lies behind its blocks, as after a resize."""
    it = Case(disk("table-moved", order=("log", "metadata", "bat")))
    image = it.image
    end = image.file_size
    image.bat_offset = end
    image.file_size = end + image.bat_length
    it.junk(192 * KIB, 128 * KIB)
    it.guess("both copies are lost").guess("signature")
    return it.guess(f"0x{end:x}: found here")


@case
def region_tables_and_a_nested_image():
    """The disk holds another image, whose BAT names more blocks."""
    inner = disk("inner", size=64 * MIB, share=512)
    image = Image("outer", 24 * MIB, block_size=MIB)
    for block in range(8):
        image.write(block * MIB, MIB, Stamp(block + 1))
    with tempfile.TemporaryDirectory() as place:
        with open(inner.save(place), "rb") as file:
            blob = bytearray(file.read(4 * MIB))
    # All of them within the file of the outer one.
    entry = bat_entry(FULLY_PRESENT, 4 * MIB).to_bytes(8, "little")
    blob[inner.bat_offset:inner.bat_offset + 64 * 8] = entry * 64
    image.write(8 * MIB, len(blob), Blob(8 * MIB, bytes(blob)))
    it = Case(image.prepare()).junk(192 * KIB, 128 * KIB)
    it.guess("both copies are lost").guess("signature")
    return it.guess(f"0x{image.bat_offset:x}: found here")


@case
def region_table_checksums():
    it = damage("table-checksums").junk(192 * KIB + 4, 4)
    return it.junk(256 * KIB + 4, 4).guess("no copy has the right checksum")


@case
def all_of_the_first_mib():
    it = damage("first-mib").junk(0, MIB)
    for text in ("header", "region table", "metadata region", "BAT region",
                 "\"vhdxfile\" is lost"):
        it.guess(text)
    return it


# --- Metadata.

def without_metadata(name, **knobs):
    it = damage(name, **knobs)
    return it.junk(it.image.meta_offset, 128 * KIB).guess("is lost")


@case
def metadata_given():
    it = without_metadata("metadata-given", size=24 * MIB + 512)
    return it.option("--size", str(24 * MIB + 512), "--block-size", "1M",
                     "--sector-size", "512")


@case
def metadata_deduced():
    """The disk ends with its last block, and has no partitions."""
    it = without_metadata("metadata-deduced")
    it.guess("sector size").guess("the block size is taken for 1 MiB")
    return it.guess("by its last block")


@case
def metadata_by_gpt():
    """Sectors of 4096 bytes, and a size, by the disk's GPT."""
    size, sector = 5000 * MIB, 4096
    image = Image("metadata-gpt", size, block_size=2 * MIB, lss=sector)
    gpt = bytearray(64 * KIB)
    gpt[sector:sector + 8] = b"EFI PART"
    gpt[sector + 32:sector + 40] = (size // sector - 1).to_bytes(8, "little")
    image.write(0, 4 * MIB, Stamp(1))
    image.write(0, len(gpt), Blob(0, bytes(gpt)))
    image.write(100 * MIB, 2 * MIB, Stamp(2))
    it = Case(image.prepare()).junk(image.meta_offset, 128 * KIB)
    it.guess("is lost").guess("taken for 4096, by the place of the GPT")
    return it.guess("2 MiB").guess("by its GPT")


@case
def metadata_by_mbr():
    size = 100 * MIB
    image = Image("metadata-mbr", size, block_size=MIB)
    mbr = bytearray(512)
    mbr[446 + 4] = 0x83
    mbr[446 + 8:446 + 12] = (2048).to_bytes(4, "little")
    mbr[446 + 12:446 + 16] = (size // 512 - 2048).to_bytes(4, "little")
    mbr[510:] = b"\x55\xaa"
    image.write(0, 3 * MIB, Stamp(1))
    image.write(0, 512, Blob(0, bytes(mbr)))
    it = Case(image.prepare()).junk(image.meta_offset, 128 * KIB)
    it.guess("is lost").guess("as is usual").guess("1 MiB")
    return it.guess("by its partitions")


@case
def metadata_in_part():
    """One item of five is bad; the others are used."""
    it = damage("metadata-part")
    image = it.image
    at = 0
    for at, blob in image.metadata.encode():
        if blob == (512).to_bytes(4, "little"):
            break
    it.write(image.meta_offset + at, b"\x07\0\0\0")
    return it.guess("the size of the disk the block size").guess("as is usual")


@case
def nothing_but_blocks():
    """No header, no region table, no metadata."""
    it = damage("blocks-only").junk(0, 3 * MIB)
    for text in ("header", "region table", "metadata region", "BAT region",
                 "sector size", "block size", "virtual disk size",
                 "\"vhdxfile\" is lost"):
        it.guess(text)
    return it


# --- BAT entries.

@case
def entries_out_of_the_file():
    it = damage("entries-out")
    it.entry(3, bat_entry(FULLY_PRESENT, 1 << 45))
    return it.block_lost(3, END)


@case
def entries_with_a_reserved_state():
    it = damage("entries-reserved").entry(4, 5)
    return it.block_lost(4, "its BAT entry has a reserved state")


@case
def entries_over_the_log():
    it = damage("entries-log")
    it.entry(6, bat_entry(FULLY_PRESENT, it.image.log_offset))
    return it.block_lost(
        6, "its BAT entry names the place of another structure")


# --- Blocks that claim the same space.

OWNER = "its BAT entry names the place of another block"


@case
def claim_of_the_next_block():
    """Of a pair, the first is the owner: its neighbour lies beside it."""
    it = damage("claim-next")
    it.entry(4, bat_entry(FULLY_PRESENT, offset(it.image, 3)))
    it.guess("as does BAT entry 3, which is taken for its owner")
    return it.block_lost(4, OWNER)


@case
def claim_of_a_block_far_away():
    """The one that lies between its neighbours is the owner."""
    it = damage("claim-far")
    it.entry(10, bat_entry(FULLY_PRESENT, offset(it.image, 18)))
    it.guess("as does BAT entry 18, which is taken for its owner")
    return it.block_lost(10, OWNER)


@case
def claim_of_a_part_of_a_block():
    it = damage("claim-part", size=48 * MIB, block_size=2 * MIB)
    it.entry(10, bat_entry(FULLY_PRESENT, offset(it.image, 18) + MIB))
    it.guess("as does BAT entry 18, which is taken for its owner")
    return it.block_lost(10, OWNER)


@case
def claim_of_three():
    it = damage("claim-three")
    for block in (10, 12):
        it.entry(block, bat_entry(FULLY_PRESENT, offset(it.image, 2)))
        it.guess(f"BAT entry {block}").block_lost(block, OWNER)
    return it


def by_qemu(name, older, newer):
    """A page of the BAT as QEMU before 7.2.2 leaves it.

    Block 0 gets its space after `older`, and before `newer`. Returns the case
    and the entries on the page.
    """
    image = Image(name, 320 * 16 * MIB, block_size=16 * MIB)
    for block in older + [0] + newer:
        image.write(block * 16 * MIB, 4096, Stamp(block + 1))
    image.prepare()
    first = min(image.placed.values())
    for number, block in enumerate(older + [0] + newer):
        image.placed[block] = first + number * 16 * MIB
        image.bat[image.index(block)] = bat_entry(FULLY_PRESENT,
                                                  image.placed[block])
    page = [0] * 512
    for block in older:
        page[image.index(block)] = image.bat[image.index(block)]
    # The change of the first entry moves up what is there.
    page = [image.bat[0]] + page[:511]
    for block in newer:
        page[image.index(block)] = image.bat[image.index(block)]
    blob = b"".join(entry.to_bytes(8, "little") for entry in page)
    it = Case(image).write(image.bat_offset, blob)
    return it.guess("QEMU before 7.2.2 has moved entries up")


@case
def qemu_moved_entries():
    """All of them were older than the first."""
    return by_qemu("qemu-moved", [255, 300, 7, 1, 2, 254], [])


@case
def qemu_moved_entries_and_went_on():
    """Entries that were written later are where they belong."""
    return by_qemu("qemu-later", [255, 20, 40, 41], [10, 12, 300, 319])


@case
def qemu_overwrote_an_entry():
    """What it had moved to where the next block was written is gone."""
    it = by_qemu("qemu-overwrote", [255, 20, 40], [21, 300])
    # Before block 300, nothing tells that there was no entry.
    it.lost = []
    return it.block_lost(20, OWNER).block_lost(299, OWNER)


# --- The log.

@case
def log_torn():
    """No valid sequence; the BAT in place is as good."""
    it = damage("log-torn")
    journal = Journal(it.image)
    journal.add(journal.data(it.image.bat_offset))
    it.junk(it.image.log_offset + PAGE, 512)
    return it.guess("must be replayed and cannot be: it holds no valid")


@case
def log_left_out():
    """--no-log: the disk as it was before."""
    it = damage("log-left")
    image = it.image
    journal = Journal(image)
    journal.add(journal.data(image.bat_offset, spoil=bytes(PAGE)))
    it.whole = Image("log-left-empty", image.size, block_size=MIB)
    return it.option("--no-log").guess("they are left out")


# --- Children.

def family(name):
    parent = Image(name + "-base", 24 * MIB, block_size=MIB)
    parent.write(0, 20 * MIB, Stamp(100))
    image = Image(name, 24 * MIB, block_size=MIB, parent=parent)
    image.write(2 * MIB, 2 * MIB, Stamp(1))
    image.write(8 * MIB + 4096, 8192, Stamp(2))
    return image.prepare()


@case
def child_with_its_parent():
    it = Case(family("child")).junk(64 * KIB, 128 * KIB).guess("header")
    it.cut = it.image.placed[3]
    # The sector bitmap lies behind it, so what block 8 has is not known.
    return it.block_lost(3, END).block_lost(8, END)


@case
def child_without_its_parent():
    it = Case(family("orphan")).option("--no-parents")
    why = "the parent is missing"
    for start, end in ((0, 2 * MIB), (4 * MIB, 8 * MIB + 4096),
                       (8 * MIB + 12288, 24 * MIB)):
        it.loses(start, end, why)
    return it


@case
def child_without_its_bitmap():
    it = Case(family("bitmap"))
    at = it.image.bitmaps[0]
    it.bad = [(at, at + 512)]
    return it.loses(8 * MIB, 9 * MIB, "its sector bitmap cannot be read")


@case
def child_without_a_locator():
    """Whoever knows the parent can name it."""
    it = Case(family("nameless"))
    image = it.image
    for at, blob in image.metadata.encode():
        if blob[:16] == ondisk.VHDX_LOCATOR.bytes_le:
            it.junk(image.meta_offset + at, 64)
    it.guess("is damaged").guess("parent locator")
    return it.option("--ignore-id-mismatch", "--parent",
                     "nameless-base.vhdx")


# --- Beyond salvage.

@case
def no_bat():
    it = damage("no-bat").junk(192 * KIB, 128 * KIB)
    return it.junk(it.image.bat_offset, MIB).fails(
        2, "nothing tells where the blocks of the disk lie")


@case
def nothing_of_a_vhdx():
    it = damage("nothing")
    return it.junk(0, it.image.file_size).fails(3, "is that of a VHDX")


@case
def a_new_version():
    it = damage("version")
    for header in it.image.headers:
        header.version = 2
    return it.fails(2, "format version 2")


@case
def an_empty_file():
    it = damage("empty")
    it.cut = 0
    return it.fails(3, "is that of a VHDX")


@case
def no_block_and_no_metadata():
    it = Case(Image("no-block", 8 * MIB, block_size=MIB).prepare())
    return it.junk(it.image.meta_offset, 128 * KIB).fails(
        2, "give --size and --block-size")


# --- The judge.

class Judge:
    """Runs the cases in a directory."""

    def __init__(self, place):
        self.place = place
        self.shim = None

    def build_shim(self):
        """A library that makes places of a file bad."""
        if self.shim:
            return self.shim
        if not shutil.which("cc"):
            raise Skip("no compiler")
        source = os.path.join(self.place, "bad.c")
        with open(source, "w", encoding="ascii") as out:
            out.write(SHIM)
        self.shim = os.path.join(self.place, "bad.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.shim, source],
                       check=True)
        return self.shim

    def environment(self, it, path):
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        if it.bad:
            env["LD_PRELOAD"] = self.build_shim()
            env["BAD_INODE"] = str(os.stat(path).st_ino)
            env["BAD"] = "".join(f"{a}-{b}," for a, b in it.bad)
            env["ASAN_OPTIONS"] = (env.get("ASAN_OPTIONS", "")
                                   + ":verify_asan_link_order=0"
                                   ":detect_leaks=0")
        return env

    def prepare(self, it):
        """Write the image, and damage it."""
        for image in it.image.ancestors():
            image.save(self.place)
        path = it.image.save(self.place)
        with open(path, "r+b") as out:
            for at, blob in it.edits:
                out.seek(at)
                out.write(blob)
            if it.cut is not None:
                out.truncate(it.cut)
        return path

    def run(self, name):
        it = CASES[name]()
        path = self.prepare(it)
        before = fingerprint(path)
        copy = os.path.join(self.place, "copy.vhdx")
        mapfile = os.path.join(self.place, "map")
        for old in (copy, mapfile):
            if os.path.exists(old):
                os.unlink(old)
        done = subprocess.run(
            [os.environ["VHDXSETUP"], "salvage", "--json", "--map", mapfile,
             *it.options, path, copy], timeout=HANGS, cwd=self.place,
            capture_output=True, check=False, env=self.environment(it, path))
        if fingerprint(path) != before:
            return "the damaged image has changed"
        document = json.loads(done.stdout)
        if it.exit is not None:
            return judge_failure(it, document, self.place)
        return (judge_document(it, document, done.returncode)
                or judge_map(it, mapfile) or judge_copy(it, copy))


def fingerprint(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def judge_failure(it, document, place):
    """It ends with a sentence, and there is no copy."""
    left = [name for name in os.listdir(place)
            if name.startswith(("copy", "map"))]
    said = json.dumps(document.get("error", {}))
    if document["exit"] != it.exit or it.error not in said:
        return f"exit {document['exit']}, {said}"
    return f"left behind: {left}" if left else ""


def judge_document(it, document, code):
    wanted = LOST if it.lost else 0
    if code != wanted or document["exit"] != wanted:
        return f"exit {code}: {document}"
    lost = [(one["virtual_offset"], one["virtual_offset"] + one["length"],
             one["reason"]) for one in document["lost"]]
    got = merged(lost)
    if got != merged(it.lost):
        return f"lost {got}, not {merged(it.lost)}"
    if document["lost_bytes"] != sum(end - start for start, end, _ in got):
        return f"{document['lost_bytes']} bytes lost"
    guesses = document["guesses"]
    if len(guesses) != len(it.guesses):
        return f"guessed {guesses}, not {it.guesses}"
    for said, text in zip(guesses, it.guesses):
        if text not in said:
            return f"guessed \"{said}\", not \"{text}\""
    return ""


def merged(runs):
    """Runs of the same reason that follow each other, as one."""
    result = []
    for start, end, why in runs:
        if result and result[-1][1:] == (start, why):
            start = result.pop()[0]
        result.append((start, end, why))
    return result


def judge_map(it, path):
    """The mapfile covers the disk, and says the same."""
    at, lost = 0, []
    with open(path, encoding="ascii") as lines:
        rows = [line.split() for line in lines if line[0] != "#"]
    for start, length, sign in rows[1:]:
        start, length = int(start, 16), int(length, 16)
        if start != at:
            return f"mapfile: {start:#x} follows {at:#x}"
        at += length
        if sign == "-":
            lost.append((start, at, ""))
    if at != it.image.size:
        return f"mapfile: ends at {at:#x}"
    wanted = merged((start, end, "") for start, end, _ in it.lost)
    return "" if merged(lost) == wanted else f"mapfile: {lost}"


def without(runs, lost):
    """The runs of a disk that has zeros where something is lost."""
    for start, end, fill in runs:
        at = start
        for first, last, _ in lost:
            first, last = max(first, at), min(last, end)
            if first < last:
                if at < first:
                    yield at, first, fill
                yield first, last, None
                at = last
        if at < end:
            yield at, end, fill


def judge_copy(it, path):
    """Byte by byte, by our own reader; and others find it clean."""
    model = it.whole or it.image
    disk_of = Disk(path)
    try:
        if disk_of.size != model.size:
            return f"a disk of {disk_of.size} bytes"
        if disk_of.flat_sha256() != hash_runs(without(model.runs(),
                                                      it.lost)):
            return "the copy reads otherwise"
        sector = disk_of.lss
    finally:
        disk_of.close()
    if os.stat(path).st_mode & 0o777 != 0o600:
        return "others may read it"
    checks = [[os.environ["VHDXSETUP"], "check", path]]
    if sector == 512 and shutil.which("qemu-img"):
        checks.append(["qemu-img", "check", "-f", "vhdx", path])
    for command in checks:
        done = subprocess.run(command, capture_output=True, check=False,
                              timeout=HANGS)
        if done.returncode:
            return f"{command[0]}: {done.stdout} {done.stderr}"
    return ""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as place:
        judge = Judge(place)
        for name in sys.argv[1:] or CASES:
            tap.run(name, lambda name=name: judge.run(name))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
