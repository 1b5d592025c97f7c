#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""corpora.py DIR: vhdxsetup against every generated image, good and malformed.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program.

Real images: the bytes where `map --sectors` says that they lie have the hash
that is published of them. Good images: check finds no error, map's runs cover the disk without a gap, and
the bytes where `map --sectors` says that they lie have the hash that the
writer's model says. Malformed ones: the finding that is expected, to the
letter, the exit code that goes with the kind of case, and JSON as its schema
has it.
Not one byte of any image changes.
"""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
from tap import Skip, Tap       # noqa: E402
import schema                   # noqa: E402

MIB = 1 << 20
HASHED = 1 << 30                # larger disks are probed
CHECK_CODES = {
    None: {0}, "info": {0}, "warning": {10}, "read-only": {11}, "error": {2},
}
REFUSE_CODES = {2, 3, 4}
JUDGE = schema.Judge() if schema.jsonschema else None


def run(*args):
    """Run vhdxsetup; its exit code, output and messages."""
    done = subprocess.run([os.environ["VHDXSETUP"], *args],
                          capture_output=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    return (done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))


def parsed(text, code):
    """The document of a process that ended with a code, as the schema has it."""
    document = json.loads(text)
    if JUDGE:
        faults = JUDGE.faults(document, code)
        assert not faults, faults
    return document


def extents(path, *options):
    """map's runs, checked to cover the disk."""
    code, out, err = run("map", "--json", *options, path)
    assert code == 0, f"map {options}: exit code {code}: {err}"
    table = parsed(out, code)
    at = 0
    for one in table["runs"]:
        assert one["virtual_offset"] == at and one["length"] > 0, f"gap at {at:#x}"
        at += one["length"]
    assert at == table["disk"]["virtual_size"], f"ends at {at:#x}"
    return table


class Disk:
    """The virtual disk, read where `map --sectors` says that it is."""

    def __init__(self, path, *options):
        table = extents(path, "--sectors", *options)
        self.runs = table["runs"]
        self.size = table["disk"]["virtual_size"]
        self.files = [open(layer["image"], "rb")
                      for layer in table["chain"]]

    def pieces(self, start, end):
        """The bytes from start to end."""
        for one in self.runs:
            first = max(start, one["virtual_offset"])
            last = min(end, one["virtual_offset"] + one["length"])
            for at in range(first, last, MIB):
                size = min(MIB, last - at)
                if "offset" not in one:
                    yield bytes(size)
                    continue
                if one["state"] != "data":
                    raise Skip("some of it is in the log")
                file = self.files[one["layer"]]
                file.seek(one["offset"] + at - one["virtual_offset"])
                yield file.read(size)

    def sha256(self, start, end):
        digest = hashlib.sha256()
        for piece in self.pieces(start, end):
            digest.update(piece)
        return digest.hexdigest()


def content(path, case, *options):
    """Is the disk what the model says?"""
    disk = Disk(path, *options)
    if case["flat_sha256"] and disk.size <= HASHED:
        if disk.sha256(0, disk.size) != case["flat_sha256"]:
            return "another hash than the model's"
    elif not case["probes"]:
        raise Skip("too large to hash")
    for probe in case["probes"]:
        start, length = probe["offset"], probe["length"]
        if disk.sha256(start, start + length) != probe["sha256"]:
            return f"another hash than the model's at {start:#x}"
    return ""


def whereabouts(case):
    """The option that a chain over several directories takes."""
    directories = {os.path.dirname(file)
                   for file in [case["file"], *case["parents"]]}
    return ["--parents-anywhere"] if len(directories) > 1 else []


def good(tap, directory):
    """Every good image."""
    cases = manifest.load(directory, "manifest.json")
    for case in cases:
        path, name = os.path.join(directory, case["file"]), case["name"]
        options = whereabouts(case)
        code, out, err = run("check", "--chain", *options, path)
        tap.ok(code in (0, 10, 11) and "error" not in err,
               f"good {name}: check", f"exit code {code}\n{out}{err}")
        if options:
            code, out, err = run("check", "--chain", path)
            tap.ok(code == 4 and options[0] in err,
                   f"good {name}: check without {options[0]}",
                   f"exit code {code}\n{out}{err}")
        code, out, err = run("info", "--json", path)
        disk = parsed(out, code).get("disk", {})
        wanted = [case["virtual_size"], case["block_size"], case["lss"],
                  case["pss"], case["kind"]]
        got = [disk.get(key) for key in (
            "virtual_size", "block_size", "logical_sector_size",
            "physical_sector_size", "type")]
        tap.ok(got == wanted, f"good {name}: info", f"{got} not {wanted}")
        tap.run(f"good {name}: map", lambda: extents(path, *options) and "")
        tap.run(f"good {name}: content by map --sectors",
                lambda: content(path, case, *options))


def real(tap, directory, index):
    """The real images, by the hashes that their publishers gave."""
    cases = [case for name, case in index.items() if name.startswith("real/")]
    if not cases:
        tap.skip("real images", "they are not here")
    for case in cases:
        path = os.path.join(directory, case["files"][0])
        about = {"flat_sha256": case["sha256"], "probes": case["probes"]}
        tap.run(f"real {case['files'][0]}: content by map --sectors",
                lambda: content(path, about))


def sentences(report):
    """check's findings, as the engine words them."""
    found = []
    for one in report["findings"]:
        name = one["structure"]
        if "last_index" in one:
            name = (name[:-1] + "ies" if name.endswith("y") else name + "s")
            name += f" {one['index']} to {one['last_index']}"
        elif "index" in one:
            name += f" {one['index']}"
        found.append(f"{name} at offset "
                     f"{one['offset']:#x}: {one['text']}")
    return found


def codes(case):
    """The exit codes that check may have."""
    if case["kind"] == "refuse":
        return REFUSE_CODES
    return CHECK_CODES[case["severity"]]


def judge(case, path):
    """One malformed image: "" or what is wrong."""
    code, out, err = run("check", "--chain", "--json", path)
    try:
        report = parsed(out, code)
    except json.JSONDecodeError as error:
        return f"JSON: {error}\n{out}"
    if code not in codes(case):
        return f"exit code {code}, wanted {codes(case)}\n{out}{err}"
    wanted = case["expect_helper"]
    heard = sentences(report)
    said = [line.split(": ", 2)[-1] for line in err.splitlines()]
    if wanted and wanted not in heard and wanted not in said:
        return f"wanted: {wanted}\n" + "\n".join(heard + said)
    if not wanted and case["severity"] not in (None, "info"):
        return "the case has no expected sentence"
    return ""


def robust(path):
    """The other verbs survive whatever it is."""
    for args in (("info", "--json"), ("info", "--chain", "--json"),
                 ("map", "--json", "--no-parents"), ("map", "--json"), ("map", "--picture")):
        code, out, err = run(*args, path)
        if code not in (0, 2, 3, 4):
            return f"{args}: exit code {code}\n{err}"
        if "--json" in args:
            parsed(out, code)
    return ""


def evil(tap, directory):
    """Every malformed image that vhdxsetup can be shown."""
    cases = manifest.load(directory, "evil.json")
    for case in cases:
        path, name = os.path.join(directory, case["file"]), case["name"]
        if "helper" in case["via"]:
            tap.run(f"malformed {name}: check", lambda: judge(case, path))
        tap.run(f"malformed {name}: info, map", lambda: robust(path))


def digest(directory):
    """Of all files: names, sizes, times of change."""
    return [(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in sorted(os.scandir(directory), key=lambda e: e.name)]


def main():
    tap = Tap()
    tree = os.path.join(sys.argv[1], "tree")
    index = manifest.load(sys.argv[1], "index.json")
    real(tap, os.path.join(tree, "real"), index)
    for name, test in (("good", good), ("evil", evil)):
        directory = os.path.join(tree, name)
        before = digest(directory)
        test(tap, directory)
        tap.ok(digest(directory) == before, f"no image of {name} changed")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
