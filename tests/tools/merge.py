#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""merge.py DIR [PART...]: `vhdxsetup merge` against the generated chains.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program. Parts are good,
crashes, refusals, between, full and stopped; all of them without any. The judge
of what a disk reads is tests/gen/reader.py; qemu-img checks what has no parent.

A merge leaves the disk as it was, in the parent or an ancestor. One that stops,
by a crash of the machine at any operation of the store, by SIGKILL or by
SIGINT, leaves a chain that reads the same, and another merge completes it. What
cannot be merged stays as it is, byte for byte.
"""
import fcntl
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
from content import Byte, Stamp         # noqa: E402
import manifest                         # noqa: E402
import qemu                             # noqa: E402
from reader import Disk                 # noqa: E402
from tap import Lack, Skip, Tap         # noqa: E402
import optrace                          # noqa: E402
from program import HANGS, run          # noqa: E402
from vhdx import Image                  # noqa: E402

MIB = 1 << 20
READ = 512 * MIB                # larger disks are not read here
SEED = 20261129


def flat(paths):
    """The hash of a disk; its images from the child on."""
    disk = Disk(paths[0], paths[1:])
    try:
        return disk.flat_sha256()
    finally:
        disk.close()


def digest(directory):
    """Of the bytes of all files."""
    result = {}
    for entry in os.scandir(directory):
        with open(entry.path, "rb") as file:
            result[entry.name] = hashlib.sha256(file.read()).hexdigest()
    return result


class Place:
    """A directory with copies of a chain."""

    def __init__(self, paths):
        self.directory = tempfile.mkdtemp(dir=WORK)
        self.paths = [os.path.join(self.directory, os.path.basename(path))
                      for path in paths]
        for path, copy in zip(paths, self.paths):
            subprocess.run(["cp", "--sparse=always", path, copy], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def alive(self):
        """The chain as it is by now: the first image may be gone."""
        return self.paths[not os.path.exists(self.paths[0]):]


def checked(paths):
    """check and qemu-img are content: "" or what is wrong."""
    code, said = run("check", "--chain", paths[0])
    if code not in (0, 10):
        return f"check: exit code {code}\n{said}"
    disk = Disk(paths[0], paths[1:])
    disk.close()
    if len(paths) > 1 or disk.lss != 512 or not qemu.load():
        return ""
    got = qemu.flat_sha256(paths[0], WORK)
    return "" if got == flat(paths) else "qemu-img reads something else"


def merged(place, before, into, *options):
    """Merge, and judge the result: "" or what is wrong."""
    args = ["merge", *options, place.paths[0]]
    if into > 1:
        args += ["--into", place.paths[into]]
    if os.path.dirname(place.paths[1]) == place.directory:
        args += [f"--parent={path}" for path in place.paths[1:]]
    code, said = run(*args)
    if code:
        return f"exit code {code}: {said}"
    gone = place.paths[:into]
    if "--keep" not in options:
        if any(os.path.exists(path) for path in gone):
            return "an image that is merged is still there"
        place.paths = place.paths[into:]
    if flat(place.paths) != before:
        return "the disk reads otherwise"
    return checked(place.paths)


def refused(place, code, text, *args):
    """It is refused, and nothing changes: "" or what is wrong."""
    before = digest(place.directory)
    got, said = run("merge", *args)
    if got != code or text not in said:
        return f"exit code {got}, not {code} with {text!r}: {said}"
    return "" if digest(place.directory) == before else "something changed"


def sizes_of(paths):
    """The sizes of the disks of a chain, the child first."""
    disk, sizes = Disk(paths[0], paths[1:]), []
    while disk:
        sizes.append(disk.size)
        disk = disk.parent
    return sizes


def fits(sizes, into):
    """Can each parent have the size of the child?

    One that is larger gets short. One that is smaller grows, unless the disk below
    it is larger than it: that would be seen behind its old end.
    """
    return all(sizes[at] >= sizes[0] or at + 1 == len(sizes) or
               sizes[at + 1] <= sizes[at]
               for at in range(1, into + 1))


def good(tap, directory):
    """Every good chain, into the parent and into the base."""
    cases = manifest.load(directory, "manifest.json")
    for case in cases:
        if not case["parents"] or case["virtual_size"] > READ:
            continue
        paths = manifest.paths(directory, case)
        before, sizes = flat(paths), sizes_of(paths)
        for into in sorted({1, len(paths) - 1}):
            name = f"{case['name']}: merge over {into} of {len(paths) - 1}"
            with Place(paths) as place:
                named = [f"--parent={path}" for path in place.paths[1:]]
                if fits(sizes, into):
                    tap.run(name, lambda: merged(place, before, into))
                else:
                    tap.run(name + " of another size",
                            lambda: refused(
                                place, 2, "bytes, and that of the parent",
                                place.paths[0], "--into", place.paths[into],
                                *named))
        if len(paths) == 2 and fits(sizes, 1):
            with Place(paths) as place:
                tap.run(f"{case['name']}: merge --keep",
                        lambda: kept(place, before))


def kept(place, before):
    """--keep leaves an empty child: "" or what is wrong."""
    mode = os.stat(place.paths[0]).st_mode
    why = merged(place, before, 1, "--keep")
    if why:
        return why
    if os.stat(place.paths[0]).st_mode != mode:
        return "the child has another mode"
    disk = Disk(place.paths[0], place.paths[1:])
    own = [one for one in disk.origins(0, disk.size) if not one[2]]
    disk.close()
    if own:
        return "the child is not empty"
    # And it is a child like any other one.
    return merged(place, before, 1)


def small_chain(directory, over=None, size=6 * MIB):
    """A chain with all states: the child, and what it lies over."""
    os.mkdir(directory)
    parent = Image("base", 6 * MIB, block_size=MIB)
    parent.write(0, 6 * MIB, Stamp(100))
    if over:
        parent = Image("middle", 6 * MIB, block_size=MIB, parent=parent)
        parent.write(MIB + 4096, 8192, Stamp(50))
        parent.write(5 * MIB, 4096, Stamp(51))
    child = Image("child", size, block_size=MIB, parent=parent)
    child.write(0, MIB, Stamp(1))
    child.write(MIB + 512, 5120, Stamp(2))
    child.set_state(2, 2)
    child.set_state(3, 3)
    child.write(4 * MIB + 8192, 4096, Byte(0))
    for at in range(4 * MIB + 64 * 1024, 4 * MIB + 96 * 1024, 4096):
        child.write(at, 512, Stamp(3))
    images = [child, *child.ancestors()]
    for image in images[::-1]:
        image.save(directory)
    return [os.path.join(directory, image.file) for image in images]


def crashes(tap, chain, name):
    """A crash at each operation of the store, with what a crash may lose."""
    try:
        with Place(chain) as place:
            before = flat(place.paths)
            start = {path: open(path, "rb").read() for path in place.paths}
            log = optrace.record(
                [os.environ["VHDXSETUP"], "merge", place.paths[0]], WORK)
            paths = place.paths
    except Lack as lack:
        tap.run(f"{name}: crashes", lambda: (_ for _ in ()).throw(lack))
        return
    rng = random.Random(SEED)
    optrace.crashes(
        tap, name, start, log, rng,
        lambda disk: crashed(disk, paths, before, rng.random() < 0.05),
        least=(40, 40))


def crashed(disk, paths, before, again):
    """What a crash left: "" or what is wrong."""
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        here = []
        for path in paths:
            if path in disk:
                here.append(os.path.join(directory, os.path.basename(path)))
                with open(here[-1], "wb") as file:
                    file.write(disk[path])
        try:
            if flat(here) != before:
                return "the disk reads otherwise"
        except Exception as error:      # pylint: disable=broad-except
            return f"{type(error).__name__}: {error}"
        if not again or len(here) < len(paths):
            return ""
        code, said = run("merge", here[0])
        if code:
            return f"another merge: exit code {code}: {said}"
        return "" if flat(here[1:]) == before else \
            "after another merge the disk reads otherwise"


def stopped(tap, directory):
    """SIGKILL and SIGINT, wherever they come."""
    parent = Image("slow-base", 96 * MIB, block_size=MIB)
    parent.write(0, 48 * MIB, Stamp(100))
    child = Image("slow", 96 * MIB, block_size=MIB, parent=parent)
    for start in range(0, 96 * MIB, 3 * MIB):
        child.write(start + 4096, 2 * MIB, Stamp(1))
    parent.save(directory)
    child.save(directory)
    chain = [os.path.join(directory, image.file) for image in (child, parent)]
    before, rng = flat(chain), random.Random(SEED)
    for number, codes in ((signal.SIGKILL, (-9, 0)), (signal.SIGINT, (130, 0))):
        bad, early = [], 0
        for _ in range(12):
            with Place(chain) as place:
                with subprocess.Popen(
                        [os.environ["VHDXSETUP"], "merge", place.paths[0]],
                        stderr=subprocess.PIPE, text=True) as process:
                    # Any instant is as good as another one.
                    time.sleep(rng.random() * 0.3)
                    process.send_signal(number)
                    said = process.communicate(timeout=HANGS)[1]
                why = survived(place, before, process.returncode, codes, said)
                early += len(place.paths) > 1
            bad += [why] if why else []
        tap.ok(not bad, f"{number.name}: {early} of 12 merges stopped early, "
               "each goes on", "\n".join(bad))


def survived(place, before, code, codes, said):
    """A merge that was stopped: "" or what is wrong."""
    if code not in (*codes, -2):
        return f"exit code {code}: {said}"
    if code == 130 and "interrupted" not in said:
        return f"it does not say that it was interrupted: {said}"
    place.paths = place.alive()
    if flat(place.paths) != before:
        return "the disk reads otherwise"
    if len(place.paths) == 1:
        return ""
    code, said = run("merge", place.paths[0])
    if code:
        return f"another merge: exit code {code}: {said}"
    return "" if flat(place.paths[1:]) == before else \
        "after another merge the disk reads otherwise"


def refusals(tap, chain):
    """What is not merged, and why."""
    with Place(chain) as place:
        child, parent = place.paths
        tap.run("an image without a parent",
                lambda: refused(place, 4, "has no parent", parent))
        tap.run("--into what is no ancestor",
                lambda: refused(place, 4, "is no ancestor", child, "--into",
                                child))
        other = os.path.join(place.directory, "other.vhdx")
        run("create", "--parent", parent, other)
        tap.run("a parent that has another child",
                lambda: refused(place, 7, other + ": is a child of " + parent,
                                child))
        grandchild = os.path.join(place.directory, "grandchild.vhdx")
        run("create", "--parent", child, grandchild)
        tap.run("a child that has a child",
                lambda: refused(place, 7, grandchild + ": is a child of " +
                                child, child))
        os.unlink(grandchild)
        before = flat(place.paths)
        with open(parent, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            fcntl.lockf(file, fcntl.LOCK_SH)
            tap.run("a parent that somebody reads",
                    lambda: refused(place, 7, parent, child, "--force"))
        tap.run("--force", lambda: merged(place, before, 1, "--force"))
        tap.run("  orphans the other child",
                lambda: "" if run("info", "--chain", other)[0] or
                run("map", other)[0] == 4 else "it opens")


def wait_until(happened, process):
    """Returns when it has, or when the process has ended."""
    until = time.monotonic() + HANGS
    while not happened() and process.poll() is None:
        if time.monotonic() > until:
            process.kill()
            raise TimeoutError("it hangs")
        time.sleep(0.01)


def between(chain):
    """A child that turns up between two pairs keeps its parent."""
    if not shutil.which("strace"):
        raise Lack("strace is not installed")
    before = flat(chain)
    with Place(chain) as place:
        child, middle, base = place.paths
        other = os.path.join(place.directory, "other.vhdx")
        pid = os.path.join(place.directory, "pid")
        # It stops when it has removed the first child.
        with subprocess.Popen(
                ["strace", "-f", "-qqq", "-o", "/dev/null", "-e",
                 "trace=/unlink", "-e", "inject=/unlink:signal=SIGSTOP:when=1",
                 "sh", "-c", 'echo $$ >"$0" && exec "$@"', pid,
                 os.environ["VHDXSETUP"], "merge", "--into", base, child],
                stderr=subprocess.PIPE, text=True,
                env={**os.environ, "LSAN_OPTIONS": "detect_leaks=0"}) as process:
            wait_until(lambda: not os.path.exists(child), process)
            code, said = run("create", "--parent", base, other)
            with open(pid, encoding="ascii") as source:
                os.kill(int(source.read()), signal.SIGCONT)
            heard = process.communicate(timeout=HANGS)[1]
        if code:
            return f"the other child: exit code {code}: {said}"
        if process.returncode != 7 or \
                f"{other}: is a child of {base}" not in heard:
            return f"exit code {process.returncode}, not 7: {heard}"
        if run("map", other)[0] or flat([middle, base]) != before:
            return "one of the two children reads otherwise"
        os.unlink(other)
        place.paths = [middle, base]
        return merged(place, before, 1)


def full(chain):
    """A file system without room: nothing is lost."""
    before = flat(chain)
    with tempfile.TemporaryDirectory(dir=WORK) as mount:
        size = sum(os.path.getsize(path) for path in chain) + 64 * 1024
        script = ('mount -t tmpfs -o size="$1" none "$2" && cp "$3" "$4" "$2" '
                  '&& cd "$2" && r=0; "$5" merge "${3##*/}" || r=$?; '
                  'cp -- *.vhdx "$6" && exit $r')
        with tempfile.TemporaryDirectory(dir=WORK) as out:
            done = subprocess.run(
                ["unshare", "-m", "bash", "-c", script, "-", str(size), mount,
                 *chain, os.environ["VHDXSETUP"], out], check=False,
                capture_output=True, text=True, timeout=HANGS)
            here = [os.path.join(out, os.path.basename(path))
                    for path in chain]
            if not os.path.exists(here[0]):
                raise Skip("nothing can be mounted here: " + done.stderr)
            if done.returncode != 13 or "room" not in done.stderr:
                return f"exit code {done.returncode}: {done.stderr}"
            if flat(here) != before:
                return "the disk reads otherwise"
            code, said = run("merge", here[0])
            if code:
                return f"with room: exit code {code}: {said}"
            return "" if flat(here[1:]) == before else "with room, it reads " \
                "otherwise"


def growing(directory):
    """A child that needs room in its parent."""
    parent = Image("thin-base", 32 * MIB, block_size=MIB)
    parent.write(0, MIB, Stamp(100))
    child = Image("thin", 32 * MIB, block_size=MIB, parent=parent)
    child.write(0, 24 * MIB, Stamp(1))
    parent.save(directory)
    child.save(directory)
    return [os.path.join(directory, image.file) for image in (child, parent)]


def main():
    tap = Tap()
    parts = sys.argv[2:] or ["good", "crashes", "refusals", "between", "full",
                             "stopped"]
    chains, three, larger, smaller = (
        os.path.join(WORK, name)
        for name in ("two", "three", "larger", "smaller"))
    two = small_chain(chains)
    if "good" in parts:
        good(tap, os.path.join(sys.argv[1], "tree", "good"))
    if "crashes" in parts:
        crashes(tap, two, "into a base")
        crashes(tap, small_chain(three, "middle"), "into a child")
        crashes(tap, small_chain(larger, size=9 * MIB), "into a smaller base")
        crashes(tap, small_chain(smaller, size=4 * MIB + 512 * 1024),
                "into a larger base")
    if "refusals" in parts:
        refusals(tap, two)
    if "between" in parts:
        tap.run("a child that turns up between two pairs",
                lambda: between(small_chain(os.path.join(WORK, "other"),
                                            "middle")))
    if "full" in parts:
        tap.run("a full file system", lambda: full(growing(chains)))
    if "stopped" in parts:
        stopped(tap, chains)
    return tap.finish()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as WORK:
        STATUS = main()
    sys.exit(STATUS)
