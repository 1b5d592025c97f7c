#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""merge-middle.py [PART...]: `vhdxsetup merge` of an image that has children.

$VHDXSETUP is the program. Parts are good, kept, refusals, crashes, random and
stopped; all of them without any. The judge of what a disk reads is
tests/gen/reader.py, and of what it is to read, the model of tests/gen/vhdx.py.
random takes $MERGE_FAMILIES families (2), from $MERGE_SEED on.

The image goes down into its parent, and its children go on over that. Each of
them reads as before at any time: over the image or over its parent.
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
from content import Byte, Stamp         # noqa: E402
import ondisk                           # noqa: E402
from ondisk import Item, guid           # noqa: E402
from reader import Disk, FormatError    # noqa: E402
from tap import Lack, Tap               # noqa: E402
import merge                            # noqa: E402
from merge import MIB, Place, digest, flat      # noqa: E402
import optrace                          # noqa: E402
from program import HANGS, run          # noqa: E402
from vhdx import Image                  # noqa: E402

SEED = 20261130
USER = guid("merge-middle", "user")


def family(directory, sizes=(6, 6, 6), tops=1):
    """A base, a middle and its children, with all states; their images."""
    base, middle, top = (MIB * size for size in sizes)
    os.mkdir(directory)
    below = Image("base", base, block_size=MIB)
    below.write(0, base, Stamp(100))
    image = Image("middle", middle, block_size=MIB, parent=below)
    image.items.append(Item(USER, b"of the user" * 100, ondisk.IS_USER))
    image.write(0, MIB, Stamp(1))
    image.write(MIB + 512, 5120, Stamp(2))
    image.set_state(2, 2)
    image.set_state(3, 3)
    if middle >= 5 * MIB:
        image.write(4 * MIB + 8192, 4096, Byte(0))
        image.write(middle - 4096, 4096, Stamp(3))
    result = [below, image]
    for nr in range(tops):
        child = Image(f"top{nr}", top, block_size=MIB, parent=image)
        child.write(512, 1024, Stamp(10 + nr))
        child.set_state(1, 2)
        child.write(3 * MIB, 4096, Stamp(11 + nr))
        result.append(child)
    result.append(Image("over", top, block_size=MIB, parent=result[2]))
    result[-1].write(2 * MIB, 4096, Stamp(20))
    for image in result:
        image.save(directory)
    return [os.path.join(directory, image.file) for image in result]


def identity(path):
    """The DataWriteGuid of an image that has a parent or none."""
    with open(path, "rb") as file:
        heads = []
        for offset in ondisk.HEADER_OFFSETS:
            file.seek(offset)
            raw = file.read(64)
            heads.append((int.from_bytes(raw[8:16], "little"), raw[32:48]))
    return max(heads)[1]


def clean(path):
    """check has nothing against a chain: "" or what it has."""
    code, said = run("check", "--chain", path)
    return "" if code in (0, 10) else f"check: exit code {code}: {said}"


def merged(paths, *options):
    """Merge the middle, and judge: "" or what is wrong."""
    base, middle, top, *rest, over = paths
    tops = [top, *rest]
    before = [flat([one, middle, base]) for one in tops]
    above = flat([over, top, middle, base])
    names = [identity(one) for one in tops]
    code, said = run("merge", middle, *(f"--child={one}" for one in tops),
                     *options)
    if code:
        return f"exit code {code}: {said}"
    if os.path.exists(middle) != ("--keep" in options):
        return "the middle is there, or is not"
    if [flat([one, base]) for one in tops] != before:
        return "a child reads otherwise"
    if flat([over, top, base]) != above:
        return "a child of the child reads otherwise"
    if [identity(one) for one in tops] != names:
        return "a child has another identity"
    return clean(over)


def good(tap):
    """Sizes of all sorts, and more than one child."""
    for name, sizes, tops in (
            ("a middle", (6, 6, 6), 1), ("of three children", (6, 6, 6), 3),
            ("larger than its base", (6, 9, 9), 1),
            ("larger than base and child", (6, 9, 4), 1),
            ("smaller than its base", (9, 6, 6), 1),
            ("smaller than base and child", (9, 6, 9), 1),
            ("smaller than its base, by less than a block", (9, 5, 12), 2),
            ("smaller than its child", (6, 6, 9), 2)):
        with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
            paths = family(os.path.join(directory, "family"), sizes, tops)
            tap.run(f"{name}: its children go on over its parent",
                    lambda: merged(paths))
    with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
        tap.run("through two, into the base", lambda: through(
            family(os.path.join(directory, "family"))))
    with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
        tap.run("where Windows finds the parent goes on as well",
                lambda: windows(os.path.join(directory, "w")))


def through(paths):
    """--into: two images go, and their child stays."""
    base, middle, top, over = paths
    before = flat([over, top, middle, base])
    code, said = run("merge", top, "--into", base, "--child", over)
    if code:
        return f"exit code {code}: {said}"
    if os.path.exists(top) or os.path.exists(middle):
        return "an image that is merged is still there"
    return clean(over) if flat([over, base]) == before else "reads otherwise"


def windows(directory):
    """absolute_win32_path of the middle becomes the child's."""
    os.mkdir(directory)
    base, middle, top = (os.path.join(directory, name + ".vhdx")
                         for name in ("base", "middle", "top"))
    run("create", "-s", "4M", base)
    run("create", "--parent", base, "--absolute-path", r"D:\vm\base.vhdx",
        middle)
    run("create", "--parent", middle, "--absolute-path", r"D:\vm\middle.vhdx",
        top)
    code, said = run("merge", middle, "--child", top)
    if code:
        return f"exit code {code}: {said}"
    disk = Disk(top, [base])
    disk.close()
    return "" if disk.locator["absolute_win32_path"] == \
        r"D:\vm\base.vhdx" and "parent_linkage2" not in disk.locator \
        else repr(disk.locator)


def kept(tap):
    """--keep."""
    with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
        paths = family(os.path.join(directory, "family"), tops=2)
        with Place(paths) as place:
            tap.run("--keep, and children over the parent",
                    lambda: merged(place.paths, "--keep"))
        with Place(paths) as place:
            tap.run("--keep leaves children over an empty image",
                    lambda: empty(place.paths))
        with Place(paths) as place:
            tap.run("--keep through two", lambda: empty_two(place.paths))
        with Place(paths) as place:
            tap.run("a file that is in the way of --keep stays",
                    lambda: in_the_way(place.paths))


def own(paths):
    """What an image has of its own."""
    disk = Disk(paths[0], paths[1:])
    own_runs = [one for one in disk.origins(0, disk.size) if not one[2]]
    disk.close()
    return own_runs


def user_item(path):
    """Is the user's item in an image?"""
    with open(path, "rb") as file:
        return b"of the user" * 100 in file.read()


def empty(paths):
    """Nothing is given: all go on over the middle, which is empty."""
    base, middle, top, second, over = paths
    chains = [[over, top, middle, base], [second, middle, base]]
    before, name = [flat(chain) for chain in chains], identity(middle)
    code, said = run("merge", middle, "--keep")
    if code:
        return f"exit code {code}: {said}"
    if own([middle, base]) or identity(middle) != name:
        return "it is not empty, or has another identity"
    if not user_item(middle):
        return "the user's metadata is gone"
    if [flat(chain) for chain in chains] != before:
        return "a child reads otherwise"
    why = clean(over) or clean(second)
    if why:
        return why
    # Nothing is in it: so its parent does not change, and loses no child.
    code, said = run("merge", middle, *(f"--child={path}" for path in
                                        (top, second)))
    if code:
        return f"another merge: exit code {code}: {said}"
    chains = [[over, top, base], [second, base]]
    return "" if [flat(chain) for chain in chains] == before else \
        "over the base, a child reads otherwise"


def empty_two(paths):
    """--keep --into: both stay, empty."""
    base, middle, top, second, over = paths
    os.unlink(second)
    before = flat([over, top, middle, base])
    code, said = run("merge", top, "--into", base, "--keep")
    if code:
        return f"exit code {code}: {said}"
    if own([top, middle, base]) or own([middle, base]):
        return "one is not empty"
    return clean(over) if flat([over, top, middle, base]) == before else \
        "the disk reads otherwise"


def in_the_way(paths):
    """MIDDLE.empty is somebody's."""
    way = paths[1] + ".empty"
    with open(way, "w", encoding="ascii") as file:
        file.write("mine")
    code, said = run("merge", paths[1], "--keep")
    with open(way, encoding="ascii") as file:
        same = file.read() == "mine"
    return "" if not code and same and \
        not os.path.exists(way + "-1") else f"exit code {code}: {said}"


def refused(place, code, text, *args):
    """It is refused, and nothing changes: "" or what is wrong."""
    before = digest(place.directory)
    got, said = run("merge", *args)
    if got != code or text not in said:
        return f"exit code {got}, not {code} with {text!r}: {said}"
    return "" if digest(place.directory) == before else "something changed"


def refusals(tap):
    """What is not merged, and why."""
    with tempfile.TemporaryDirectory(dir=merge.WORK) as directory, \
            Place(family(os.path.join(directory, "family"),
                         tops=2)) as place:
        base, middle, top, second, over = place.paths
        tap.run("a child that is not given", lambda: refused(
            place, 7, second + ": is a child of", middle, "--child", top))
        tap.run("  and how it can be", lambda: refused(
            place, 7, "--child", middle, "--child", top))
        tap.run("a child of another image", lambda: refused(
            place, 4, "is no child of", middle, "--child", over))
        tap.run("the base as a child", lambda: refused(
            place, 4, "in the chain", middle, "--child", base))
        tap.run("a child that is not there", lambda: refused(
            place, 6, "gone.vhdx", middle, "--child", middle + "gone.vhdx"))
        with subprocess.Popen(
                ["flock", top, "-c", "echo; read x"], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            tap.run("a child that is in use", lambda: refused(
                place, 7, top, middle, "--child", top, "--child", second))
            holder.communicate("\n")
        before = flat([over, top, middle, base])
        tap.run("--force", lambda: "" if run(
            "merge", middle, "--child", top, "--force")[0] == 0 else "fails")
        tap.run("  spares the one that is given", lambda: "" if flat(
            [over, top, base]) == before else "it reads otherwise")
        tap.run("  and no other", lambda: "" if
                run("map", second)[0] == 4 else "it opens")


def judge(here, before):
    """A chain by whatever is there, top first: "" or what is wrong."""
    over, top, middle, base = (here.get(name) for name in
                               ("over", "top0", "middle", "base"))
    good_ones = 0
    for chain in ([over, top, middle, base], [over, top, base]):
        if not all(chain):
            continue
        try:
            if flat(chain) != before:
                return "the disk reads otherwise"
            good_ones += 1
        except FormatError as error:
            if str(error) != "linkage":
                return f"{chain}: {error}"
        except ValueError as error:
            return f"{chain}: {error}"
    return "" if good_ones == 1 else f"{good_ones} chains open"


def crashed(disk, before, again, options):
    """What a crash left: "" or what is wrong."""
    with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
        here = {}
        for path, data in disk.items():
            copy = os.path.join(directory, os.path.basename(path))
            here[os.path.basename(path).removesuffix(".vhdx")] = copy
            with open(copy, "wb") as file:
                file.write(data)
        why = judge(here, before)
        if why or not again:
            return why
        code, said = run("check", "--chain", here["over"])
        if code not in (0, 10):
            return f"check: exit code {code}: {said}"
        if "middle" not in here:
            return ""
        code, said = run("merge", here["middle"],
                         *(option if option != "CHILD" else here["top0"]
                           for option in options))
        if code:
            return f"another merge: exit code {code}: {said}"
        if flat([here["over"], here["top0"], here["base"]]) != before:
            return "after another merge, the disk reads otherwise"
        return ""


def crashes(tap):
    """A crash at each operation of the stores."""
    for name, options in (("removed", ["--child", "CHILD"]),
                          ("kept", ["--keep", "--child", "CHILD"])):
        with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
            chain = family(os.path.join(directory, "family"))
            with Place(chain) as place:
                crash_all(tap, name, place.paths, options)


def crash_all(tap, name, paths, options):
    """Of one merge."""
    before = flat(paths[::-1])
    start = {path: open(path, "rb").read() for path in paths}
    try:
        log = optrace.record(
            [os.environ["VHDXSETUP"], "merge", paths[1],
             *(option if option != "CHILD" else paths[2]
               for option in options)], merge.WORK)
    except Lack as lack:
        reason = lack
        tap.run(f"{name}: crashes", lambda: (_ for _ in ()).throw(reason))
        return
    rng = random.Random(SEED)
    optrace.crashes(
        tap, name, start, log, rng,
        lambda disk: crashed(disk, before, rng.random() < 0.1, options))


def paint(image, rng):
    """Blocks of all states, and writes of all lengths."""
    blocks = -(-image.size // image.block_size)
    states = [2, 3] if image.parent else [0, 2, 3]
    for _ in range(rng.randrange(1, 2 * blocks)):
        if rng.random() < 0.3:
            image.set_state(rng.randrange(blocks), rng.choice(states))
            continue
        at = rng.randrange(image.size // image.lss) * image.lss
        length = rng.choice((1, 2, 8, 9, 100, 256, 2048)) * image.lss
        what = Byte(0) if rng.random() < 0.2 else Stamp(rng.randrange(200))
        image.write(at, min(length, image.size - at), what)


def random_family(directory, rng):
    """As family(), of any shape."""
    os.mkdir(directory)
    lss, images = rng.choice((512, 512, 4096)), []
    for name in ("base", "middle", "top0", "over"):
        size = rng.randrange(2, 7) * MIB - rng.choice((0, 0, 4096, 3 * 4096))
        images.append(Image(name, size, block_size=rng.choice((1, 2)) * MIB,
                            lss=lss, parent=images[-1] if images else None))
        paint(images[-1], rng)
    for image in images:
        image.save(directory)
    return [os.path.join(directory, image.file) for image in images], \
        images[-1].flat_sha256()


def families(tap):
    """Crashes of merges of families that nobody thought of."""
    seed = int(os.environ.get("MERGE_SEED", SEED))
    for nr in range(int(os.environ.get("MERGE_FAMILIES", "2"))):
        rng = random.Random(seed + nr)
        options = ["--child", "CHILD"] + ["--keep"] * (rng.random() < 0.3)
        with tempfile.TemporaryDirectory(dir=merge.WORK) as directory:
            chain, model = random_family(os.path.join(directory, "family"),
                                         rng)
            name = f"family {seed + nr}"
            tap.ok(flat(chain[::-1]) == model, f"{name} reads as its model")
            with Place(chain) as place:
                crash_all(tap, name, place.paths, options)


def slow(directory):
    """A family that takes its time."""
    os.mkdir(directory)
    base = Image("base", 96 * MIB, block_size=MIB)
    base.write(0, 48 * MIB, Stamp(100))
    middle = Image("middle", 96 * MIB, block_size=MIB, parent=base)
    for start in range(0, 96 * MIB, 3 * MIB):
        middle.write(start + 4096, 2 * MIB, Stamp(1))
    top = Image("top0", 96 * MIB, block_size=MIB, parent=middle)
    top.write(MIB, 2 * MIB, Stamp(2))
    over = Image("over", 96 * MIB, block_size=MIB, parent=top)
    for image in (base, middle, top, over):
        image.save(directory)
    return [os.path.join(directory, image.file)
            for image in (base, middle, top, over)]


def stopped(tap):
    """SIGKILL and SIGINT, wherever they come."""
    chain = slow(os.path.join(merge.WORK, "slow"))
    before, rng = flat(chain[::-1]), random.Random(SEED)
    for number, codes in ((signal.SIGKILL, (-9, 0)), (signal.SIGINT, (130, 0))):
        bad, early = [], 0
        for _ in range(10):
            with Place(chain) as place:
                args = ["merge", place.paths[1], "--child", place.paths[2]]
                with subprocess.Popen([os.environ["VHDXSETUP"], *args],
                                      stderr=subprocess.PIPE,
                                      text=True) as process:
                    # Any instant is as good as another one.
                    time.sleep(rng.random() * 0.4)
                    process.send_signal(number)
                    said = process.communicate(timeout=HANGS)[1]
                early += os.path.exists(place.paths[1])
                why = survived(place.paths, before, args,
                               process.returncode in (*codes, -2))
                bad += [f"{why}: {process.returncode} {said}"] if why else []
        tap.ok(not bad, f"{number.name}: {early} of 10 merges stopped early, "
               "each goes on", "\n".join(bad))


def survived(paths, before, args, expected):
    """A merge that was stopped: "" or what is wrong."""
    base, middle, top, over = paths
    here = {"base": base, "top0": top, "over": over}
    if os.path.exists(middle):
        here["middle"] = middle
    why = "" if expected else "an exit code of its own"
    why = why or judge(here, before)
    if why or "middle" not in here:
        return why
    code, said = run(*args)
    if code:
        return f"another merge: exit code {code}: {said}"
    return "" if flat([over, top, base]) == before else \
        "after another merge, the disk reads otherwise"


def main():
    tap = Tap()
    parts = {"good": good, "kept": kept, "refusals": refusals,
             "crashes": crashes, "random": families, "stopped": stopped}
    for part in sys.argv[1:] or parts:
        parts[part](tap)
    return tap.finish()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as merge.WORK:
        STATUS = main()
    sys.exit(STATUS)
