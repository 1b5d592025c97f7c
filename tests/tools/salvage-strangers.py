#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""salvage-strangers.py DIR: `vhdxsetup salvage` of the generated images.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program.

Good images lose nothing, and their copies read the same. Malformed ones, and
good ones with bytes changed at random, end in time with an exit code of
vhdxsetup's own; what is made is clean, and else nothing is there. Not one byte
of any image changes.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
from tap import Tap             # noqa: E402

MIB = 1 << 20
READ = 1 << 30                  # larger disks are not compared
WALKED = 1 << 40                # nor those walked that have more
HANGS = 3600
MADE = (0, 17)
# Corrupt, no VHDX, and no parent.
REFUSED = (2, 3, 4)
MUTATIONS = 150
STRUCTURES = 4 * MIB            # where their structures lie


def run(*args):
    """Run vhdxsetup; its exit code and messages."""
    done = subprocess.run([os.environ["VHDXSETUP"], *args], timeout=HANGS,
                          capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    return done.returncode, (done.stdout + done.stderr)[-2000:].decode(
        "utf-8", "replace")


def fingerprint(path):
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns


def salvage(path, place, *options):
    """Salvage an image: the exit code, and what is wrong."""
    copy = os.path.join(place, "copy.vhdx")
    for name in (copy, copy + ".part"):
        if os.path.exists(name):
            os.unlink(name)
    before = fingerprint(path)
    code, said = run("salvage", "-q", *options, path, copy)
    if code not in MADE + REFUSED:
        return code, f"exit code {code}\n{said}"
    if fingerprint(path) != before:
        return code, "the image has changed"
    if os.path.exists(copy) != (code in MADE):
        return code, f"exit code {code}, and a copy or none"
    if os.path.exists(copy + ".part"):
        return code, "a part is left"
    if code in MADE:
        checked, said = run("check", copy)
        if checked:
            return code, f"the copy is not clean: {checked}\n{said}"
    return code, ""


def judge_good(case, path, place):
    options = ["--parents-anywhere"] if case["parents"] else []
    code, why = salvage(path, place, *options)
    if why or code:
        return why or f"exit code {code}"
    if case["virtual_size"] > READ:
        return ""
    code, said = run("compare", *options, path,
                     os.path.join(place, "copy.vhdx"))
    return f"compare: {code}\n{said}" if code else ""


def good(tap, directory, place):
    cases = manifest.load(directory, "manifest.json")
    for case in cases:
        if case["virtual_size"] > WALKED:
            continue
        tap.run(f"good {case['name']}", lambda case=case: judge_good(
            case, os.path.join(directory, case["file"]), place))


def evil(tap, directory, place):
    cases = manifest.load(directory, "evil.json")
    for case in cases:
        path = os.path.join(directory, case["file"])
        child = case["name"].startswith(("chain", "locator"))
        option = "--parents-anywhere" if child else "--no-parents"
        tap.run(f"malformed {case['name']}",
                lambda path=path, option=option: salvage(path, place,
                                                         option)[1])


def mutate(path, chance):
    """Change some bytes of the structures of an image, or cut it."""
    with open(path, "r+b") as out:
        size = os.path.getsize(path)
        for _ in range(chance.choice((1, 2, 8, 64))):
            kind = chance.randrange(5)
            at = chance.randrange(min(size, STRUCTURES))
            if kind == 0:
                out.truncate(max(MIB, size - chance.randrange(size // 2)))
                continue
            if kind == 1:
                at -= at % 4096
            length = (1, 8, 8, 512, 65536)[kind]
            out.seek(at)
            out.write(chance.choice((chance.randbytes(length),
                                     b"\0" * length, b"\xff" * length)))


def mutated(tap, directory, place):
    cases = [case for case in manifest.load(directory, "manifest.json")
             if case["virtual_size"] <= READ // 4]
    broken = os.path.join(place, "broken.vhdx")
    for seed in range(MUTATIONS):
        chance = random.Random(seed)
        case = chance.choice(cases)
        shutil.copyfile(os.path.join(directory, case["file"]), broken)
        mutate(broken, chance)
        tap.run(f"mutation {seed} of {case['name']}", lambda: salvage(
            broken, place, "--no-parents")[1])


def main():
    tap = Tap()
    tree = os.path.join(sys.argv[1], "tree")
    with tempfile.TemporaryDirectory() as place:
        good(tap, os.path.join(tree, "good"), place)
        evil(tap, os.path.join(tree, "evil"), place)
        mutated(tap, os.path.join(tree, "good"), place)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
