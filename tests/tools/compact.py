#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""compact.py DIR [PART...]: `vhdxsetup compact` against generated images.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program. Parts are
random, chunks, good, real, crashes, signals, full, holes, reads and refusals;
all of them without any. The judge of what a disk reads is tests/gen/reader.py;
qemu-img checks and compares what it can open.

A compaction leaves the disk as it was and the image under the same identity, in
a file that has no hole into which anything above it fits. One that stops, by a
crash of the machine at any operation of the store or by a signal, leaves an
image that reads the same, and another one completes it. What cannot be
compacted stays as it is, byte for byte.
"""
import fcntl
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
from content import Byte, Stamp         # noqa: E402
import manifest                         # noqa: E402
import ondisk                           # noqa: E402
import qemu                             # noqa: E402
from reader import Disk                 # noqa: E402
from tap import Lack, Skip, Tap         # noqa: E402
import optrace                          # noqa: E402
from program import HANGS, answer, run  # noqa: E402
from vhdx import Image                  # noqa: E402

MIB = 1 << 20
READ = 512 * MIB                # larger disks are not read here
SEED = 20261129


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() \
            if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def flat(path, parents=()):
    """The hash of a disk."""
    disk = Disk(path, list(parents))
    try:
        return disk.flat_sha256()
    finally:
        disk.close()


def identity(path):
    """DataWriteGuid of the header that counts."""
    document = answer("info", "--all", path)
    return [header["data_write_guid"] for header in document["headers"]
            if header["current"]]


class Scattered(Image):
    """An image whose blocks and regions lie anywhere, with holes between."""

    def __init__(self, name, size, rng, spread=2.5, **more):
        super().__init__(name, size, **more)
        self.rng, self.spread = rng, spread

    def _find(self, length):
        """A place that nobody has, by luck."""
        while True:
            at = self.rng.randrange(1, self.room) * MIB
            units = range(at // MIB, (at + length) // MIB)
            self.room += 1          # if it is crowded, it gets longer
            if not any(unit in self.taken for unit in units):
                self.room -= 1
                self.taken.update(units)
                self.file_size = max(self.file_size, at + length)
                return at

    def _place_regions(self):
        super()._place_regions()
        self.taken, self.file_size = set(), 0
        blocks = sum(state >= 6 for state in self.states.values())
        chunks = -(-self.blocks // self.ratio)
        space = blocks * self.block_size + (8 + chunks) * MIB
        self.room = int(space / MIB * self.spread)
        self.log_offset = self._find(self.log_length)
        self.meta_offset = self._find(MIB)
        self.bat_offset = self._find(self.bat_length)

    def _place_blocks(self):
        size = self.file_size
        super()._place_blocks()
        self.file_size = size
        self.placed = {block: self._find(self.block_size)
                       for block in self.placed}
        self.bitmaps = {chunk: self._find(MIB) for chunk in self.bitmaps}
        self.file_size += self.rng.randrange(3) * MIB


def scattered(name, rng, parent=None):
    """A random image; a child if there is a parent."""
    block = MIB << rng.randrange(4) if not parent else parent.block_size
    lss = rng.choice((512, 4096)) if not parent else parent.lss
    blocks = rng.randrange(3, 24)
    image = Scattered(name, blocks * block - rng.randrange(2) * lss, rng,
                      spread=1.2 + 2 * rng.random(), block_size=block, lss=lss,
                      parent=parent)
    for number in range(blocks):
        start, end = image.extent(number)
        kind = rng.randrange(8)
        if kind < 3:
            image.write(start, end - start, Stamp(number + 1))
        elif kind == 3:
            image.write(start, end - start, Byte(0))
        elif kind == 4:
            image.write(start + 2 * lss, 4 * lss, Stamp(number + 1))
        elif kind == 5:
            image.set_state(number, rng.choice((1, 3)), anchor=True)
        elif kind == 6:
            image.set_state(number, rng.choice((1, 2, 3)))
    return image


def tight(path, parents):
    """Is there no hole for what lies highest? "" or what is wrong.

    Told by the reader, which shares no code with the program.
    """
    disk = Disk(path, list(parents))
    unit = disk.block_size // MIB
    owned = [(0, 1), (disk.header["log_offset"] // MIB,
                      disk.header["log_length"] // MIB)]
    owned += [(at // MIB, length // MIB) for at, length in
              disk.regions.values()]
    chunks = set()
    for block in range(-(-disk.size // disk.block_size)):
        state, at = disk.entry(ondisk.payload_index(block, disk.ratio))
        if state >= 6:
            owned.append((at // MIB, unit))
        elif at:
            return f"block {block} is in state {state}, and has space"
        if state == 7:
            chunks.add(block // disk.ratio)
    for chunk in chunks:
        at = disk.entry(ondisk.bitmap_index(chunk, disk.ratio))[1]
        owned.append((at // MIB, 1))
    regions, blocks = disk.regions, -(-disk.size // disk.block_size)
    disk.close()
    top, length = max(owned)
    info = answer("info", path)["disk"]
    least = sum(size for _, size in owned[:2 + len(regions)]) + \
        blocks * unit if info["type"] == "fixed" else 0
    if -(-os.path.getsize(path) // MIB) > max(top + length, least):
        return "the file is longer than what it holds"
    end = 0
    for at, size in sorted(owned):
        if at - end >= length and end + length <= top > least and \
                (top, length) != (disk.header["log_offset"] // MIB,
                                  disk.header["log_length"] // MIB):
            return f"a hole of {at - end} MiB at {end}, below the last " \
                f"{length} MiB at {top}"
        end = at + size
    return ""


def judged(path, before, parents=(), zeros=False):
    """A compacted image: "" or what is wrong."""
    code, said = run("check", path)
    if code not in (0, 10):
        return f"check: exit code {code}\n{said}"
    if flat(path, parents) != before:
        return "the disk reads otherwise"
    options = ["--zeros"] if zeros else []
    again = answer("compact", "-n", path, *options)
    if again["moved_bytes"] or again["empty_bytes"] or again["zero_bytes"] or \
            again["new_length"] != again["old_length"]:
        return f"it is not as short as it could be: {again}"
    disk = Disk(path, list(parents))
    sector, disk_size = disk.lss, disk.size
    disk.close()
    why = tight(path, parents)
    if why or parents or sector != 512 or not qemu.load() or disk_size > READ:
        return why
    if qemu.flat_sha256(path, WORK) != before:
        return "qemu-img reads something else"
    done = subprocess.run(["qemu-img", "check", "-q", "-f", "vhdx", path],
                          check=False, capture_output=True, text=True)
    return f"qemu-img check: {done.stderr}" if done.returncode else ""


def whole(path, before, parents=()):
    """The same in short, of one of many: "" or what is wrong."""
    code, said = run("check", path)
    if code not in (0, 10):
        return f"check: exit code {code}\n{said}"
    if flat(path, parents) != before:
        return "the disk reads otherwise"
    return tight(path, parents)


def compacted(path, parents=(), options=()):
    """Estimate, compact, and judge: "" or what is wrong."""
    before, was, size = flat(path, parents), digest(path), \
        os.path.getsize(path)
    code, said = run("compact", "-n", path, *options)
    if code or digest(path) != was:
        return f"-n: exit code {code}, or it has changed something: {said}"
    planned = answer("compact", "-n", path, *options)
    guid = identity(path)
    done = answer("compact", path, *options)
    if "error" in done:
        return f"compact: {done['error']}"
    if {**planned, "dry_run": False} != done:
        return f"{done} is not as {planned} promised"
    if (done["old_length"], done["new_length"]) != \
            (size, os.path.getsize(path)):
        return f"the file is as long as {os.path.getsize(path)}: {done}"
    if identity(path) != guid:
        return "the disk has another identity"
    return judged(path, before, parents, "--zeros" in options)


def random_images(tap):
    """Images of random layout, as they are and with --zeros; and children."""
    for number in range(24):
        rng = random.Random(SEED + number)
        base = scattered(f"base{number}", rng)
        images = [(base, [])]
        if number % 2:
            images += [(scattered(f"child{number}", rng, base),
                        [os.path.join(WORK, base.file)])]
        for image, parents in images:
            path = image.save(WORK)
            options = ["--zeros"] if rng.randrange(2) else []
            tap.run(f"{image.name}: {image.blocks} blocks of "
                    f"{image.block_size // MIB} MiB {' '.join(options)}",
                    lambda: compacted(path, parents, options))


def samples(path, parents, places):
    """What a disk that is too large to be read reads at some places."""
    disk = Disk(path, list(parents))
    try:
        return [b"".join(bytes(piece) for piece in
                         disk.chunks(place - 512, place + 8192))
                for place in places]
    finally:
        disk.close()


def chunks_of(name, rng, parent):
    """A child of several chunks, each with a bitmap; and where it has data."""
    block = MIB << rng.randrange(1, 5)
    image = Scattered(name, parent.size, rng, spread=1.2 + 2 * rng.random(),
                      block_size=block, parent=parent)
    places = []
    for chunk in range(4):
        for _ in range(rng.randrange(3)):
            place = (chunk << 32) + rng.randrange(6) * block + 512
            image.write(place, 4096, Stamp(chunk + 1))
            places.append(place)
    return image, places


def chunk_kept(path, parents, places):
    """Compact, and judge what the disk reads: "" or what is wrong.

    A bitmap may keep a block's hole for others that then find another place, so
    that a second run gains some more.
    """
    before = samples(path, parents, places)
    code, said = run("compact", path)
    if code:
        return f"compact: exit code {code}\n{said}"
    code, said = run("check", path)
    if code not in (0, 10):
        return f"check: exit code {code}\n{said}"
    if samples(path, parents, places) != before:
        return "the disk reads otherwise"
    return ""


def chunk_images(tap):
    """Children with several bitmaps, among regions that lie anywhere."""
    base = Image("chunks-base", (17 << 30), block_size=4 * MIB)
    parent = base.save(WORK)
    for number in range(40):
        image, places = chunks_of("chunks", random.Random(SEED + number), base)
        path = image.save(WORK)
        tap.run(f"{number}: bitmaps of several chunks",
                lambda: chunk_kept(path, [parent], places))


class Place:
    """A directory with a copy of an image."""

    def __init__(self, path):
        self.directory = tempfile.mkdtemp(dir=WORK)
        self.path = os.path.join(self.directory, os.path.basename(path))
        subprocess.run(["cp", "--sparse=always", path, self.path], check=True)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.directory)


def compacted_or_refused(path, parents, options, done):
    """A good image may be one that nobody may write."""
    was = digest(path)
    document = answer("compact", "-n", path)
    if "error" not in document:
        done.append(path)
        return compacted(path, parents, options)
    code, said = run("compact", path, *options)
    if code not in (2, 5) or digest(path) != was:
        return f"refused with exit code {code}, or changed: {said}"
    if run("check", path)[0] in (0, 10):
        return f"check finds nothing against it, and yet: {said}"
    return ""


def good(tap, directory):
    """Every good image, half of them with --zeros."""
    done = []
    for case in manifest.load(directory, "manifest.json"):
        if case["virtual_size"] > READ:
            continue
        parents = [os.path.join(directory, file) for file in case["parents"]]
        options = ["--zeros"] if len(case["name"]) % 2 else []
        with Place(os.path.join(directory, case["file"])) as path:
            tap.run(f"{case['name']} {' '.join(options)}",
                    lambda: compacted_or_refused(path, parents, options,
                                                 done))
    tap.ok(len(done) > 60, f"{len(done)} of them were compacted")


def alike(path, original, options):
    """A large image: "" or what is wrong."""
    guid = identity(original)
    code, said = run("compact", path, *options)
    if code:
        return f"exit code {code}: {said}"
    code, said = run("compare", path, original)
    if code or identity(path) != guid:
        return f"it reads otherwise, or has another identity: {said}"
    if os.path.getsize(path) > os.path.getsize(original):
        return "it is longer than before"
    code, said = run("check", path)
    if code not in (0, 10):
        return f"check: {said}"
    if not qemu.load():
        return ""
    done = subprocess.run(["qemu-img", "check", "-q", "-f", "vhdx", path],
                          check=False, capture_output=True, text=True)
    return f"qemu-img check: {done.stderr}" if done.returncode else ""


def real(tap, directory):
    """Images of Windows and others."""
    if not os.path.isdir(directory) or not os.listdir(directory):
        tap.skip("real images", "there are none")
        return
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".vhdx") or name == "fat-differential.vhdx":
            continue
        original = os.path.join(directory, name)
        for options in ([], ["--zeros"]):
            with Place(original) as path:
                tap.run(f"{name} {' '.join(options)}",
                        lambda: alike(path, original, options))
    with Place(os.path.join(directory, "fat-differential.vhdx")) as child, \
            Place(os.path.join(directory, "fat-parent.vhdx")) as parent:
        before = flat(child, [parent])
        tap.run("fat-differential.vhdx",
                lambda: compacted(child, [parent], ["--zeros"]))
        tap.run("  over its parent, compacted, too",
                lambda: "" if run("compact", "--zeros", parent)[0] == 0 and
                flat(child, [parent]) == before else "it reads otherwise")


def small(name, parent=None):
    """A small image in which everything moves or goes."""
    image = Scattered(name, 6 * MIB, random.Random(name), spread=1.5,
                      block_size=MIB, parent=parent)
    for block in (0, 2):
        image.write(block * MIB, MIB, Stamp(block + 1))
    image.write(3 * MIB, MIB, Byte(0))
    image.set_state(4, 3, anchor=True)
    if parent:
        image.write(5 * MIB + 8192, 4096, Stamp(70))
    return image


def crashes(tap, path, parents, name):
    """A crash at each operation of the store, with what a crash may lose."""
    before = flat(path, parents)
    with open(path, "rb") as file:
        start = {path: file.read()}
    try:
        log = optrace.record([os.environ["VHDXSETUP"], "compact", "--zeros",
                              path], WORK)
    except Lack as lack:
        tap.skip(f"{name}: crashes", str(lack))
        return
    tap.run(f"{name}: without a crash",
            lambda: judged(path, before, parents, True))
    rng = random.Random(SEED)
    optrace.crashes(
        tap, name, start, log, rng,
        lambda disk: crashed(disk[path], before, parents, rng.random() < 0.1),
        least=(25, 20))


def crashed(data, before, parents, again):
    """What a crash left: "" or what is wrong."""
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        path = os.path.join(directory, "crashed.vhdx")
        with open(path, "wb") as file:
            file.write(data)
        try:
            if flat(path, parents) != before:
                return "the disk reads otherwise"
        except Exception as error:      # pylint: disable=broad-except
            return f"{type(error).__name__}: {error}"
        if not again:
            return ""
        code, said = run("compact", "--zeros", path)
        return f"another one: exit code {code}: {said}" if code else \
            whole(path, before, parents)


def all_crashes(tap):
    base = small("crash-base")
    path = base.save(WORK)
    child = small("crash-child", base).save(WORK)
    crashes(tap, child, [path], "a child")
    crashes(tap, path, [], "a base")


def stopped(path, call, number, when, before):
    """A signal at one system call: what came of it, and what is wrong."""
    with Place(path) as copy:
        done = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
             f"inject={call}:signal={number}:when={when}",
             os.environ["VHDXSETUP"], "compact", copy], check=False,
            capture_output=True, text=True, timeout=HANGS,
            env={**os.environ, "LSAN_OPTIONS": "detect_leaks=0"})
        code, said = done.returncode, done.stderr
        if code not in (0, 130, -9, 137):
            return code, f"exit code {code}: {said}"
        if code == 130 and "interrupted" not in said:
            return code, f"it does not say that it was interrupted: {said}"
        if flat(copy) != before:
            return code, "the disk reads otherwise"
        again, said = run("compact", copy)
        return code, f"another one: exit code {again}: {said}" if again else \
            whole(copy, before)


def signals(tap):
    """SIGINT, SIGTERM and SIGKILL at each write and each flush."""
    if not shutil.which("strace"):
        tap.run("signals", lambda: (_ for _ in ()).throw(
            Lack("strace is not installed")))
        return
    image = Scattered("signals", 20 * MIB, random.Random(SEED),
                      block_size=4 * MIB)
    image.write(0, 20 * MIB, Stamp(1))
    path = image.save(WORK)
    before = flat(path)
    for number, step in (("INT", 1), ("TERM", 4), ("KILL", 1)):
        bad, codes = [], []
        for call in ("pwrite64", "fdatasync"):
            for when in range(1, 30, step):
                code, why = stopped(path, call, number, when, before)
                codes.append(code)
                bad += [f"at {call} {when}: {why}"] if why else []
                if not code and when > 8:
                    break
        early = sum(code != 0 for code in codes)
        tap.ok(early > 3 and not bad,
               f"SIG{number}: {early} of {len(codes)} stopped early, each "
               "goes on", "\n".join(bad) or f"codes: {codes}")


FULL = """
mount -t tmpfs -o size=$1 none "$2" && cp --sparse=always "$3" "$2/a.vhdx" || exit 77
dd if=/dev/zero of="$2/rest" bs=4096 2>/dev/null
truncate -s -$5 "$2/rest"
r=0; "$4" compact "$2/a.vhdx" || r=$?
cp --sparse=always "$2/a.vhdx" "$6" && exit $r
"""


def full(image, room, code):
    """A file system with so much room: "" or what is wrong."""
    path = image.save(WORK)
    before = flat(path)
    with tempfile.TemporaryDirectory(dir=WORK) as mount, \
            tempfile.TemporaryDirectory(dir=WORK) as out:
        copy = os.path.join(out, "a.vhdx")
        done = subprocess.run(
            ["unshare", "-m", "bash", "-c", FULL, "-", "64M", mount, path,
             os.environ["VHDXSETUP"], str(room), copy], check=False,
            capture_output=True, text=True, timeout=HANGS)
        if not os.path.exists(copy):
            raise Skip("nothing can be mounted here: " + done.stderr)
        if done.returncode != code or (code and "room" not in done.stderr):
            return f"exit code {done.returncode}: {done.stderr}"
        if flat(copy) != before:
            return "the disk reads otherwise"
        again, said = run("compact", copy)
        return f"with room: exit code {again}: {said}" if again else \
            judged(copy, before)


def holes(path):
    """(bytes of the file, bytes of space that it has)"""
    stat = os.stat(path)
    return stat.st_size, stat.st_blocks * 512


def kept_dense(path, *options):
    """A file that has no holes afterwards: "" or what is wrong."""
    before = flat(path)
    code, said = run("compact", path, *options)
    if code:
        return f"exit code {code}: {said}"
    size, space = holes(path)
    if space < size:
        return f"{space} bytes of space for {size}"
    return "" if flat(path) == before else "the disk reads otherwise"


def kept_sparse(path):
    """A file that takes no more space than before, but for log and BAT."""
    space = holes(path)[1]
    code, said = run("compact", path)
    if code:
        return f"exit code {code}: {said}"
    return "" if holes(path)[1] <= space + 4 * MIB else \
        f"{space} bytes of space became {holes(path)[1]}"


def sparse(tap):
    image = Scattered("thin", 64 * MIB, random.Random(SEED),
                      block_size=8 * MIB)
    for block in range(8):
        image.write(block * 8 * MIB + 64 * 1024, 64 * 1024, Stamp(block))
    path = image.save(WORK)
    with Place(path) as copy:
        tap.run("--no-sparse", lambda: kept_dense(copy, "--no-sparse"))
        tap.run("  of one that is short already",
                lambda: kept_dense(copy, "--no-sparse"))
    with Place(path) as copy:
        subprocess.run(["fallocate", "-l", str(os.path.getsize(copy)), copy],
                       check=True)
        tap.run("a file without holes gets none", lambda: kept_dense(copy))
    with Place(path) as copy:
        tap.run("a file with holes keeps them", lambda: kept_sparse(copy))


def counted(path):
    """What is read and written: "" or what is wrong."""
    moved = answer("compact", "-n", path)["moved_bytes"]
    log = os.path.join(WORK, "calls")
    subprocess.run(["strace", "-qq", "-o", log, "-e",
                    "trace=pread64,pwrite64,fdatasync",
                    os.environ["VHDXSETUP"], "compact", path], check=True,
                   capture_output=True, env={**os.environ,
                                             "LSAN_OPTIONS": "detect_leaks=0"})
    total, flushes = 0, 0
    with open(log, encoding="ascii", errors="replace") as lines:
        for line in lines:
            flushes += line.startswith("fdatasync")
            if line.startswith("p"):
                total += int(re.search(r"= (-?\d+)", line).group(1))
    print(f"# {moved} bytes moved, {total} read and written: "
          f"{total / moved:.3f} times, {flushes} flushes")
    if moved < 60 * MIB or total > 2.2 * moved:
        return f"{total} bytes for {moved} that moved"
    return "" if flushes < 32 else f"{flushes} flushes"


def reads(tap):
    if not shutil.which("strace"):
        tap.run("reads", lambda: (_ for _ in ()).throw(
            Lack("strace is not installed")))
        return
    image = Scattered("counted", 128 * MIB, random.Random(SEED), spread=4,
                      block_size=2 * MIB)
    image.write(0, 128 * MIB, Stamp(1))
    path = image.save(WORK)
    tap.run("no more than 2.2 bytes for each that moves, and few flushes",
            lambda: counted(path))


def refused(path, code, text, *args):
    """It is refused, and nothing changes: "" or what is wrong."""
    was = digest(path)
    got, said = run("compact", path, *args)
    if got != code or text not in said:
        return f"exit code {got}, not {code} with {text!r}: {said}"
    return "" if digest(path) == was else "something changed"


def orphaned(parent, child):
    """A child finds its parent after that was compacted."""
    before = flat(child, [parent])
    code, said = run("compact", "--zeros", parent)
    if code or run("check", "--chain", child)[0]:
        return f"exit code {code}: {said}"
    return "" if flat(child, [parent]) == before else "it reads otherwise"


def refusals(tap):
    parent = small("refused")
    path = parent.save(WORK)
    child = small("refused-child", parent).save(WORK)
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        fcntl.lockf(file, fcntl.LOCK_SH)
        tap.run("an image that somebody reads",
                lambda: refused(path, 7, path))
    with Place(path) as copy:
        with open(copy, "r+b") as file:
            disk = Disk(copy)
            at = disk.regions[ondisk.BAT][0]
            file.seek(at + 8 * 3)
            entry = file.read(8)
            file.seek(at)
            file.write(entry)
            disk.close()
        tap.run("an image with two blocks in one place",
                lambda: refused(copy, 2, "cannot be compacted"))
    with Place(path) as copy:
        os.truncate(copy, os.path.getsize(copy) - 3 * MIB)
        tap.run("an image that was cut",
                lambda: refused(copy, 2, "vhdxsetup"))
    tap.run("a child", lambda: compacted(child, [path], ["--zeros"]))
    tap.run("its parent: it remains its parent", lambda: orphaned(path, child))
    code, said = run("compact", path)
    tap.ok(code == 0 and "nothing to gain" in said, "one that is short", said)
    was = digest(path)
    run("compact", path)
    tap.ok(digest(path) == was, "  it is not written")


def main():
    tap = Tap()
    tree = os.path.join(sys.argv[1], "tree")
    parts = sys.argv[2:] or ["random", "chunks", "good", "real", "crashes",
                             "signals", "full", "holes", "reads", "refusals"]
    if "random" in parts:
        random_images(tap)
    if "chunks" in parts:
        chunk_images(tap)
    if "good" in parts:
        good(tap, os.path.join(tree, "good"))
    if "real" in parts:
        real(tap, os.path.join(tree, "real"))
    if "crashes" in parts:
        all_crashes(tap)
    if "signals" in parts:
        signals(tap)
    if "full" in parts:
        image = Scattered("full", 24 * MIB, random.Random(SEED),
                          block_size=2 * MIB)
        image.write(0, 24 * MIB, Stamp(1))
        tap.run("a full file system", lambda: full(image, 0, 13))
        tap.run("room for two blocks is enough",
                lambda: full(image, 5 * MIB, 0))
    if "holes" in parts:
        sparse(tap)
    if "reads" in parts:
        reads(tap)
    if "refusals" in parts:
        refusals(tap)
    return tap.finish()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as WORK:
        STATUS = main()
    sys.exit(STATUS)
