#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""library.py DIR: libvhdx, by its bindings for Python, against generated images.

DIR is as tests/guest/inputs leaves it. pyvhdx.py and the library are found by
$PYTHONPATH and $LD_LIBRARY_PATH. The judge is tests/gen/reader.py: each image
reads alike, byte for byte at odd places, too; extents and changes are where it
sees them. Malformed images are refused by an errno and a sentence, or read. And
the rules of vhdx.h: what a handle refuses, what callbacks may do, what a
structure's size is for.
"""
import errno
import hashlib
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
from reader import Disk         # noqa: E402
from tap import Tap, Lack       # noqa: E402

try:
    import pyvhdx
    from pyvhdx import _ffi as ffi, _lib as lib   # what the bindings leave out
except ModuleNotFoundError as missing:
    pyvhdx = None
    LACKS = str(missing)

MIB = 1 << 20
READ = 64 * MIB                 # larger disks are read here and there
BLOCKS = 1 << 14                # nor the extents of those that have more


def merged(runs):
    """Runs with the same mark that follow each other, as one."""
    result = []
    for start, end, *mark in runs:
        if result and result[-1][1:] == (start, *mark):
            start = result.pop()[0]
        result.append((start, end, *mark))
    return result


def spans(extents, *names):
    """Extents as runs, with some of their members."""
    return merged((extent.pos, extent.pos + extent.length,
                   *(getattr(extent, name) for name in names))
                  for extent in extents)


def content(disk, start, end):
    """Bytes of a disk of the reader's."""
    return b"".join(disk.chunks(start, end))


def reads(disk, judge):
    """All bytes, or some of a large disk: "" or what is wrong."""
    if disk.size != judge.size:
        return f"{disk.size} bytes, not {judge.size}"
    if disk.sector_size != judge.lss or disk.block_size != judge.block_size:
        return "sectors or blocks of another size"
    places = {0, 511, 4095, MIB - 3, judge.size // 2 + 1, judge.size - 5000}
    for pos in sorted(place for place in places if 0 <= place < judge.size):
        length = min(9001, judge.size - pos)
        start = pos - pos % judge.lss
        end = min(judge.size, pos + length + judge.lss)
        wanted = content(judge, start, end - end % judge.lss)
        if (disk.read(pos, length) != wanted[pos - start:][:length]):
            return f"{length} bytes at {pos} are other ones"
    if judge.size > READ:
        return ""
    digest = hashlib.sha256()
    for pos in range(0, judge.size, MIB + 1):
        digest.update(disk.read(pos, min(MIB + 1, judge.size - pos)))
    return "" if digest.hexdigest() == judge.flat_sha256() else "other bytes"


def maps(disk, judge):
    """The map of sectors: "" or what is wrong."""
    if judge.size // judge.block_size > BLOCKS:
        return ""
    found = merged((e.pos, e.pos + e.length, e.layer)
                   for e in disk.map() if e.kind == pyvhdx.DATA)
    wanted = merged((start, end, level) for start, end, level, data
                    in judge.origins(0, judge.size) if data)
    # What lies past the end of the file is data to the reader, and zeros to us.
    if found != wanted and not (set(found) < set(wanted) and not any(
            any(content(judge, start, end))
            for start, end, _ in set(wanted) - set(found))):
        return f"{found[:4]}, not {wanted[:4]}"
    for extent in disk.map():
        if extent.kind == pyvhdx.DATA and extent.words == "data":
            with open(disk.paths[extent.layer], "rb") as file:
                length = min(extent.length, 512)
                there = os.pread(file.fileno(), length, extent.offset)
            if disk.read(extent.pos, length) != there.ljust(length, b"\0"):
                return f"{extent} is not what the file has there"
    part = disk.map(judge.lss, max(0, judge.size - 2 * judge.lss))
    if part and (part[0].pos != judge.lss
                 or part[-1].pos + part[-1].length != judge.size - judge.lss):
        return "a part of the map has other ends"
    return ""


def diffs(disk, judge, depth):
    """The changes against each ancestor: "" or what is wrong."""
    if judge.size // judge.block_size > BLOCKS:
        return ""
    for since in range(1, depth):
        wanted = merged((start, end, "data" if data else "zeros")
                        for start, end, level, data
                        in judge.origins(0, judge.size) if level < since)
        if spans(disk.diff(since), "words") != wanted:
            return f"since {since}: not {wanted[:4]}"
    return ""


def compares(disk, judge):
    """The changes that read otherwise: "" or what is wrong."""
    if max(judge.size, judge.parent.size) > READ:
        return ""
    now = content(judge, 0, judge.size)
    then = content(judge.parent, 0, judge.parent.size)
    size = max(len(now), len(then))
    now, then = now.ljust(size, b"\0"), then.ljust(size, b"\0")
    with pyvhdx.Disk(judge.parent.path, [], chain=False,
                   parents_anywhere=True) as parent:
        parent.open_parents()
        at = 0
        for extent in disk.compare(parent):
            end = extent.pos + extent.length
            if now[at:extent.pos] != then[at:extent.pos]:
                return f"a difference before {extent.pos} is missing"
            if any(a == b for a, b in zip(now[extent.pos:end],
                                          then[extent.pos:end])):
                return f"bytes from {extent.pos} on do not all differ"
            at = end
    if now[at:] != then[at:]:
        return f"a difference past {at} is missing"
    for start, end in ((e.pos, e.pos + e.length)
                       for e in disk.diff(compare=True)):
        if now[start:end] == then[start:end]:
            return f"{start} to {end} reads as before"
    return ""


def good(tap, directory):
    """Every good image."""
    cases = manifest.load(directory, "manifest.json")
    for case in cases:
        name = case["name"]
        paths = manifest.paths(directory, case)
        judge = Disk(paths[0], paths[1:])
        try:
            with pyvhdx.Disk(paths[0], paths[1:]) as disk:
                tap.run(f"good {name}: reads", lambda: reads(disk, judge))
                tap.run(f"good {name}: map", lambda: maps(disk, judge))
                tap.run(f"good {name}: check", lambda: str(
                    [m for m in disk.messages if m.kind == pyvhdx.ERROR] or "")
                    if disk.check()["errors"] == 0 else "errors")
                if len(paths) > 1:
                    tap.run(f"good {name}: diff",
                            lambda: diffs(disk, judge, len(paths)))
                    tap.run(f"good {name}: compare",
                            lambda: compares(disk, judge))
        except pyvhdx.Error as error:
            tap.ok(False, f"good {name}: opens", error)
        judge.close()


def one_line(text):
    """Whether a sentence can be printed."""
    return bool(text) and text.isprintable()


def survives(path, parents):
    """A malformed image is refused, or read: "" or what is wrong."""
    try:
        with pyvhdx.Disk(path, parents, parents_anywhere=True) as disk:
            wrong = disk.check()
            sentences = [m.sentence for m in disk.messages]
            try:
                disk.map()
                disk.read(0, min(disk.size, MIB))
            except pyvhdx.Error as error:
                if error.errno == errno.EUCLEAN and not wrong["errors"]:
                    return "check finds nothing, and it cannot be read"
                sentences.append(error.strerror)
    except pyvhdx.Error as error:
        sentences = [error.strerror]
    bad = [text for text in sentences if not one_line(text)]
    return f"no sentences: {bad}" if bad else ""


def evil(tap, directory):
    """Every malformed image."""
    cases = manifest.load(directory, "evil.json")
    for case in cases:
        tap.run(f"malformed {case['name']}", lambda: survives(
            os.path.join(directory, case["file"]),
            [os.path.join(directory, file) for file in case["parents"]]))


def refused(number, words, call, *args):
    """A call fails with an errno and words: "" or what is wrong."""
    try:
        call(*args)
    except pyvhdx.Error as error:
        if error.errno == number and words in error.strerror:
            return ""
        return f"{error!r}, not {errno.errorcode[number]}: {words}"
    return "it does not fail"


def refusals(tap, directory, work):
    """What cannot be done, and says why."""
    child = os.path.join(directory, "child-runs.vhdx")
    text = os.path.join(work, "text")
    with open(text, "w", encoding="ascii") as file:
        file.write("no image\n" * 99)
    alone = os.path.join(work, "alone.vhdx")
    with open(child, "rb") as source, open(alone, "wb") as copy:
        copy.write(source.read())
    for name, *rest in (
            ("no VHDX", errno.EMEDIUMTYPE, "VHDX", pyvhdx.Disk, text),
            ("no file", errno.ENOENT, "No such", pyvhdx.Disk, work + "/none"),
            ("a directory", errno.EISDIR, "directory", pyvhdx.Disk, work),
            ("no parent", errno.ENOLINK, "parent not found", pyvhdx.Disk, alone),
            ("a parent that is another image", errno.ESTALE, "parent",
             pyvhdx.Disk, alone, [os.path.join(directory, "fixed.vhdx")]),
            ("a parent too many", errno.EINVAL, "parents",
             pyvhdx.Disk, os.path.join(directory, "fixed.vhdx"), [child])):
        tap.run(f"refused: {name}", lambda: refused(*rest))
    with pyvhdx.Disk(child) as disk, pyvhdx.Disk(child, chain=False) as lone:
        for name, *rest in (
                ("a read past the end", errno.EINVAL, "ends before",
                 disk.read, disk.size - 1, 2),
                ("a read that overflows", errno.EINVAL, "ends before",
                 disk.read, (1 << 64) - 1, 2),
                ("a map of half a sector", errno.EINVAL, "whole sectors",
                 disk.map, 1, 511),
                ("a map past the end", errno.EINVAL, "whole sectors",
                 disk.map, 0, disk.size + 512),
                ("a diff since no ancestor", errno.EINVAL, "above it",
                 disk.diff, 2),
                ("a diff since itself", errno.EINVAL, "above it",
                 disk.diff, 0),
                ("a check of no layer", errno.EINVAL, "layer 2",
                 disk.check, 2),
                ("a read without the parents", errno.EBADFD, "not open",
                 lone.read, 0, 512),
                ("a diff without the parents", errno.EBADFD, "not open",
                 lone.diff),
                ("an open handle is opened", errno.EBADFD, "already",
                 disk.call, lib.vhdx_disk_open, os.fsencode(child)),
                ("flags of an open handle", errno.EBADFD, "already",
                 disk.call, lib.vhdx_disk_set_flags, 0)):
            tap.run(f"refused: {name}", lambda: refused(*rest))
        tap.ok(any(e.kind == pyvhdx.ABSENT for e in lone.map(blocks=True)),
               "without the parents, their blocks are absent")
        tap.ok(not any(e.kind == pyvhdx.ABSENT for e in disk.map(blocks=True)),
               "with them, none is")
    tap.run("refused: unknown flags", lambda: refused(
        errno.EINVAL, "0x80", pyvhdx._Handle, [], 0x80))


def callbacks(tap, directory):
    """What callbacks may do, and what their results do."""
    child = os.path.join(directory, "child-runs.vhdx")
    seen = []

    @ffi.callback("vhdx_visit_t")
    def reads_too(_, extent):
        buffer = ffi.new("char[]", 512)
        seen.append(lib.vhdx_disk_read(disk.handle, buffer, 512, extent.pos))
        return 0

    @ffi.callback("vhdx_visit_t")
    def stops(_, extent):
        seen.append(extent.pos)
        return 42

    @ffi.callback("vhdx_progress_t")
    def ends(_, done, total):
        seen.append((done <= total,
                     lib.vhdx_disk_read(disk.handle, ffi.NULL, 0, 0)))
        return -errno.EINTR
    with pyvhdx.Disk(child) as disk:
        def visit(function):
            seen.clear()
            return lib.vhdx_disk_map(disk.handle, 1, 0, disk.size, function,
                                     ffi.NULL)
        result = visit(reads_too)
        tap.ok(result == 0 and seen and not any(seen),
               "a visit reads by its handle", (result, seen[:3]))
        result = visit(stops)
        tap.ok(result == 42 and seen == [0], "a visit ends the map", result)
        lib.vhdx_disk_on_progress(disk.handle, ends, ffi.NULL)
        result = visit(reads_too)
        tap.ok(result == -errno.EINTR, "progress ends it", result)
        tap.ok((True, -errno.EBADFD) in seen,
               "  and may not use its handle", seen)
        lib.vhdx_disk_on_progress(disk.handle, ffi.NULL, ffi.NULL)
        tap.ok(not visit(reads_too), "after that, the handle goes on")


def creation(size, tail=b""):
    """A struct vhdx_creation with more members than there are."""
    known = ffi.sizeof("struct vhdx_creation")
    raw = ffi.new("char[]", known + len(tail))
    made = ffi.cast("struct vhdx_creation *", raw)
    made.struct_size, made.size = known + len(tail), size
    ffi.memmove(raw + known, tail, len(tail))
    return raw, made


def makes(tap, work):
    """New images, and structures of other sizes."""
    def path(name):
        return os.path.join(work, name + ".vhdx")
    pyvhdx.create(path("one"), size=64 * MIB, block_size=MIB, sector_size=4096)
    pyvhdx.create(path("two"), parent=path("one"))
    pyvhdx.create(path("fixed"), size=4 * MIB, fixed=True, no_holes=True)
    judge = Disk(path("two"), [path("one")])
    with pyvhdx.Disk(path("two")) as disk, pyvhdx.Disk(path("fixed")) as fixed:
        tap.run("a child is made", lambda: reads(disk, judge))
        tap.ok(disk.paths == [path("two"), path("one")]
               and disk.sector_size == 4096, "  over its parent", disk.paths)
        tap.ok(fixed.traits == lib.VHDX_TRAIT_FIXED
               and os.stat(path("fixed")).st_blocks * 512 >= 4 * MIB,
               "a fixed image is made", fixed.traits)
        tap.ok(all(e.words == "FULLY_PRESENT"
                   for e in fixed.map(blocks=True)), "  all of it")
    judge.close()
    for name, *rest in (
            ("a file that exists", errno.EEXIST, "exists",
             pyvhdx.create, path("one"), MIB),
            ("no size", errno.EINVAL, "", pyvhdx.create, path("none")),
            ("a child smaller than its parent", errno.EINVAL, "smaller",
             pyvhdx.create, path("none"), MIB, path("one"))):
        tap.run(f"refused: {name}", lambda: refused(*rest))
    tap.ok(not os.path.exists(path("none")), "  and nothing is left")
    for tail, result in ((b"\0" * 8, 0), (b"\0\0\1\0", -errno.E2BIG)):
        with pyvhdx._Handle() as handle:
            raw, made = creation(MIB, tail)
            got = lib.vhdx_disk_create(
                handle.handle, os.fsencode(path(f"tail{result}")), made)
            tap.ok(got == result, f"a longer structure that ends in {tail}: "
                                  f"{result}", got)
            del raw
    short = ffi.new("struct vhdx_check_result *")
    short.struct_size, short.warnings = 16, 77
    with pyvhdx.Disk(path("one")) as disk:
        disk.call(lib.vhdx_disk_check, 0, short)
    tap.ok(short.warnings == 77, "a shorter structure: what is behind it stays")


def main():
    tap = Tap()
    if not pyvhdx:
        def lacks():
            raise Lack(LACKS)
        tap.run("bindings", lacks)
        return tap.finish()
    tree = os.path.join(sys.argv[1], "tree")
    with tempfile.TemporaryDirectory() as work:
        refusals(tap, os.path.join(tree, "good"), work)
        makes(tap, work)
    callbacks(tap, os.path.join(tree, "good"))
    good(tap, os.path.join(tree, "good"))
    evil(tap, os.path.join(tree, "evil"))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
