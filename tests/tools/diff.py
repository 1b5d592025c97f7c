#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""diff.py DIR: `vhdxsetup diff` and `compare` against the generated images.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program.

The judge is tests/gen/reader.py. Good chains: for each image that is an
ancestor, diff lists what the images above it decide, sector for sector, and
with --compare what reads otherwise. compare finds the first byte that does.
Malformed images: both verbs end in time, with an exit code of their own and
JSON that parses, in bounded memory.
"""
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
from reader import Disk         # noqa: E402
from tap import Tap             # noqa: E402

MIB = 1 << 20
READ = 512 * MIB                # larger disks are not read here
BLOCKS = 1 << 17                # nor the tables of those that have more
HANGS = 3600
MEMORY = 512 * MIB              # with what the sanitizers keep
DIFFER = 15


def run(*args):
    """Run vhdxsetup; its exit code, output and messages."""
    done = subprocess.run([os.environ["VHDXSETUP"], *args,
                           "--parents-anywhere"], timeout=HANGS,
                          capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    return (done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))


def merged(runs):
    """Runs of the same state that follow each other, as one."""
    result = []
    for start, end, state in runs:
        if result and result[-1][1:] == (start, state):
            start = result.pop()[0]
        result.append((start, end, state))
    return result


def listed(path, *options):
    """What diff says, as (start, end, state)."""
    code, out, err = run("diff", "--json", *options, path)
    assert code == 0, f"exit code {code}: {err}"
    return [(one["virtual_offset"], one["virtual_offset"] + one["length"],
             one["state"])
            for one in json.loads(out)["runs"]]


def decided(disk, depth):
    """What the first images of a chain decide, by the reader."""
    return merged((start, end, "data" if data else "zeros")
                  for start, end, level, data in disk.origins(0, disk.size)
                  if level < depth)


class Content:
    """The bytes of a disk, zeros behind its end."""

    def __init__(self, disk, size):
        end = min(disk.size, size)
        self.bytes = b"".join(disk.chunks(0, end)).ljust(size, b"\0")

    def differing(self, other, runs, sector):
        """The sectors of these runs that differ from another's."""
        for start, end, state in runs:
            for at in range(start, end, sector):
                if (self.bytes[at:at + sector]
                        != other.bytes[at:at + sector]):
                    yield at, at + sector, state


def first_difference(one, two):
    """The first byte in which two strings of a length differ, or None."""
    if one == two:
        return None
    low, high = 0, len(one)
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle
    return low


def since(disk, path, ancestor, depth):
    """diff against one ancestor: "" or what is wrong."""
    options = ("--since", ancestor.path)
    runs = listed(path, *options)
    wanted = decided(disk, depth)
    if runs != wanted:
        return f"{runs[:5]}, not {wanted[:5]}"
    if depth == 1 and listed(path) != runs:
        return "the parent is not what is meant without --since"
    if disk.size > READ:
        return ""
    now, then = Content(disk, disk.size), Content(ancestor, disk.size)
    changed = merged(now.differing(then, runs, disk.lss))
    if listed(path, "--compare", *options) != changed:
        return f"--compare: not {changed[:5]}"
    for start, end, state in runs:
        if state == "zeros" and any(now.bytes[start:end]):
            return f"no zeros at {start:#x}"
    return unlisted(now, then, runs, disk.size)


def unlisted(now, then, runs, size):
    """What diff does not list reads as before: "" or what is wrong."""
    at = 0
    for start, end, _ in runs + [(size, size, "")]:
        if now.bytes[at:start] != then.bytes[at:start]:
            return f"what is not listed differs, from {at:#x} on"
        at = end
    return ""


def compared(one, two):
    """compare of two disks: "" or what is wrong."""
    size = max(one.size, two.size)
    code, out, err = run("compare", one.path, two.path)
    first = first_difference(Content(one, size).bytes,
                             Content(two, size).bytes)
    if first is None:
        wanted = "alike, but " if one.size != two.size else "alike\n"
        return "" if code == 0 and out.startswith(wanted) else \
            f"exit code {code} for disks that are alike: {out}{err}"
    if code != DIFFER or f"differ first at byte {first} " not in out:
        return f"exit code {code}, not from byte {first} on: {out}{err}"
    return ""


def good(tap, directory):
    """Every good chain."""
    cases = manifest.load(directory, "manifest.json")
    for case in cases:
        name = case["name"]
        paths = manifest.paths(directory, case)
        if not case["parents"]:
            continue
        if case["virtual_size"] // case["block_size"] > BLOCKS:
            tap.run(f"good {name}: diff",
                    lambda: "" if listed(paths[0]) else "no change")
            continue
        disk = Disk(paths[0], paths[1:])
        ancestor = disk.parent
        for depth in range(1, len(paths)):
            tap.run(f"good {name}: diff --since {case['parents'][depth - 1]}",
                    lambda: since(disk, paths[0], ancestor, depth))
            if max(disk.size, ancestor.size) <= READ and depth < 3:
                tap.run(f"good {name}: compare with it",
                        lambda: compared(disk, ancestor))
                tap.run(f"good {name}: compare the other way round",
                        lambda: compared(ancestor, disk))
            ancestor = ancestor.parent
        if disk.size <= READ:
            tap.run(f"good {name}: compare with itself",
                    lambda: compared(disk, disk))
        disk.close()


def pairs(tap, directory):
    """Images of other kinds, sectors and sizes."""
    for names in (("sectors-512-512", "sectors-4096"),
                  ("attested-512", "attested-4096"),
                  ("sectors-4096", "attested-512-base"),
                  ("child-runs-base", "child-states-base"),
                  ("size-one-sector", "sectors-4096"),
                  ("size-off-block", "sectors-4096-512"),
                  ("empty", "size-one-sector"), ("empty", "fixed")):
        disks = []
        for name in names:
            path = os.path.join(directory, name + ".vhdx")
            base = os.path.join(directory, name + "-base.vhdx")
            disks.append(Disk(path, [base] if os.path.exists(base) else []))
        for one, two in (disks, disks[::-1]):
            tap.run(f"compare {os.path.basename(one.path)} with "
                    f"{os.path.basename(two.path)}",
                    lambda: compared(one, two))


def said(args, code, text):
    """One command line, its exit code, and a part of what it says."""
    got, out, err = run(*args)
    if got != code or text not in out + err:
        return f"exit code {got}, not {code} with {text!r}: {out}{err}"
    return ""


def refusals(tap, directory):
    """What cannot be done, and says why."""
    def image(name):
        return os.path.join(directory, name + ".vhdx")
    child, parent = image("chain-three"), image("chain-three-base")
    for name, args, code, text in (
            ("diff of an image without a parent", ("diff", parent), 4,
             "has no parent"),
            ("diff --since what is no ancestor",
             ("diff", "--since", image("child-runs"), child), 4,
             "is no ancestor of"),
            ("diff --since the image itself",
             ("diff", "--since", child, child), 4, "is no ancestor of"),
            ("diff --since what is not there",
             ("diff", "--since", image("none"), child), 6, "No such file"),
            ("diff of what is no VHDX", ("diff", __file__), 3, "VHDX"),
            ("compare with what is not there",
             ("compare", parent, image("none")), 6, "No such file"),
            ("compare of one image", ("compare", parent), 1, "takes"),
            ("compare --quiet, other disks",
             ("compare", "--quiet", parent, child), DIFFER, "")):
        tap.run(name, lambda: said(args, code, text))
    tap.ok(run("compare", "--quiet", parent, child)[1:] == ("", ""),
           "  prints nothing")


def used(tap, directory):
    """An image that somebody writes, as the module and QEMU lock it."""
    child = os.path.join(directory, "child-runs.vhdx")
    with tempfile.TemporaryDirectory() as work:
        copy = os.path.join(work, "child-runs.vhdx")
        shutil.copy(child, copy)
        shutil.copy(child.replace(".vhdx", "-base.vhdx"), work)
        with open(copy, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            for args in (("diff", copy), ("compare", copy, child)):
                tap.run(f"{args[0]} of an image in use",
                        lambda: said(args, 7, "use"))
                tap.run("  with --force-share", lambda: said(
                    (*args, "--force-share"), 0, "neither old nor new"))


def interrupted(tap, directory):
    """SIGINT: an exit code of its own, and a sentence."""
    for args in (("diff", "huge-child"),
                 ("compare", "huge-child", "huge-child")):
        paths = [os.path.join(directory, name + ".vhdx") for name in args[1:]]
        with subprocess.Popen([os.environ["VHDXSETUP"], args[0], *paths],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            caught = f"/proc/{process.pid}/status"
            while process.poll() is None and not catches(caught):
                pass
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=HANGS)[1]
        tap.ok(process.returncode == 130 and "interrupted" in err,
               f"{args[0]} is interrupted",
               f"exit code {process.returncode}: {err}")


def catches(status):
    """Whether a process has a handler for SIGINT."""
    try:
        with open(status, encoding="ascii") as lines:
            return any(line.startswith("SigCgt:")
                       and int(line.split()[1], 16) >> signal.SIGINT - 1 & 1
                       for line in lines)
    except OSError:
        return False


def robust(path, parent):
    """Whatever it is, it ends and says so: "" or what is wrong."""
    for args in (("diff",), ("diff", "--json"),
                 ("diff", "--json", "--compare"), ("compare", parent)):
        code, out, err = run(*args, path)
        if code not in (0, 2, 3, 4, DIFFER):
            return f"{args}: exit code {code}\n{err}"
        if "--json" in args and out:
            json.loads(out)
        if code in (2, 3, 4) and not err:
            return f"{args}: exit code {code}, and not a word"
    return ""


def evil(tap, directory, other):
    """Every malformed image of a chain."""
    cases = manifest.load(directory, "evil.json")
    for case in cases:
        if case["parents"]:
            path = os.path.join(directory, case["file"])
            tap.run(f"malformed {case['name']}: diff, compare",
                    lambda: robust(path, other))


def main():
    tap = Tap()
    tree = os.path.join(sys.argv[1], "tree")
    chains = os.path.join(tree, "good")
    # First, as what this process takes is counted of its children, too.
    evil(tap, os.path.join(tree, "evil"),
         os.path.join(chains, "attested-512-base.vhdx"))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    tap.ok(most < MEMORY, f"no run takes {MEMORY // MIB} MiB of memory", most)
    refusals(tap, chains)
    used(tap, chains)
    interrupted(tap, chains)
    good(tap, chains)
    pairs(tap, chains)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
