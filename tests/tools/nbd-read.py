#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""nbd-read.py DIR: the nbdkit plugin, read-only, against every generated image.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP is the program that says what
the extents are, nbdserver.py knows the plugin.

Good images: size, sector size and extents are what `map --sectors` says, and the
bytes have the hash that the writer's model says, read through the extents, by
nbdcopy and by qemu-img. Malformed ones: nbdkit refuses to start, or a read of
the bad place fails, with the expected finding to the letter; what is beside it
can be read. Not one byte of any image changes.
"""
import errno
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
import nbdserver                # noqa: E402
from corpora import whereabouts    # noqa: E402
from nbdserver import Server    # noqa: E402
from tap import Skip, Tap       # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
HASHED = GIB                    # larger disks are probed
COPIED = 40 * MIB               # and smaller ones copied by others, too
HOLE = 3                        # NBD_STATE_HOLE and NBD_STATE_ZERO


def merged(runs):
    """Runs (offset, length, type) with equal neighbours joined."""
    out = []
    for start, length, kind in runs:
        if out and out[-1][2] == kind:
            out[-1] = (out[-1][0], out[-1][1] + length, kind)
        else:
            out.append((start, length, kind))
    return out


def extents(handle, start, end):
    """What the server says of a range."""
    runs = []
    while start < end:
        found = []
        handle.block_status(min(end - start, GIB), start,
                            lambda _c, _o, entries, _e, into=found:
                            into.extend(entries) or 0)
        assert found, "no extent"
        for length, kind in zip(found[::2], found[1::2]):
            length = min(length, end - start)
            runs.append((start, length, kind))
            start += length
    return merged(runs)


def mapped(path):
    """The same by `map --sectors`."""
    done = subprocess.run([os.environ["VHDXSETUP"], "map", "--json",
                           "--sectors", "--parents-anywhere", path], capture_output=True, check=True)
    return merged((one["virtual_offset"], one["length"],
                   HOLE if one["state"] == "zeros" else 0)
                  for one in json.loads(done.stdout)["runs"])


def digest(handle, start, end):
    """The SHA-256 of a range, which trusts the extents."""
    total = hashlib.sha256()
    for at, length, kind in extents(handle, start, end):
        for pos in range(at, at + length, MIB):
            size = min(MIB, at + length - pos)
            total.update(bytes(size) if kind else handle.pread(size, pos))
    return total.hexdigest()


def copied(server):
    """The SHA-256 of what nbdcopy reads, who trusts nothing."""
    copy = subprocess.run(["nbdcopy", "--no-extents", server.uri, "-"],
                          capture_output=True, check=True)
    return hashlib.sha256(copy.stdout).hexdigest()


def compared(server, flat):
    """Does qemu-img say that the content is that of a file?"""
    done = subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "raw",
                           "nbd:unix:" + server.socket, flat],
                          capture_output=True, check=False)
    return "" if not done.returncode else done.stderr + done.stdout


def look(path, case, flat):
    """One good image: "" or what is wrong."""
    # As vhdxsetup's option, without the dashes.
    anywhere = [one[2:] + "=true" for one in whereabouts(case)]
    with Server(path, *anywhere, options=["-r"]) as server:
        assert server.serves, server.said
        handle = server.connect()
        size = handle.get_size()
        sector = handle.get_block_size(0)
        if (size, sector) != (case["virtual_size"], case["lss"]):
            return f"size {size}, sectors of {sector}"
        if not handle.is_read_only() or not handle.can_multi_conn():
            return "writable, or for one connection only"
        if size <= 1 << 40 and extents(handle, 0, size) != mapped(path):
            return "the extents are not what map says"
        return look_content(server, handle, case, flat)


def look_content(server, handle, case, flat):
    size, wanted = case["virtual_size"], case["flat_sha256"]
    if wanted and size <= HASHED and digest(handle, 0, size) != wanted:
        return "another hash than the model's"
    if wanted and size <= COPIED and copied(server) != wanted:
        return "nbdcopy reads something else than the model says"
    for probe in case["probes"]:
        start, length = probe["offset"], probe["length"]
        if hashlib.sha256(handle.pread(length, start)).hexdigest() != \
                probe["sha256"]:
            return f"another hash than the model's at {start:#x}"
    if wanted and size <= COPIED and os.path.exists(flat):
        return compared(server, flat)
    return ""


def good(tap, directory, flat):
    for case in manifest.load(directory, "manifest.json"):
        path = os.path.join(directory, case["file"])
        tap.run(f"good {case['name']}",
                lambda: look(path, case, os.path.join(flat, case["name"])))


def real(tap, directory, index):
    """The real images, by the hashes that their publishers gave."""
    cases = [case for name, case in index.items() if name.startswith("real/")]
    if not cases:
        tap.skip("real images", "they are not here")
    for case in cases:
        about = {"file": case["files"][0], "parents": [], "virtual_size": case["size"], "lss": case["lss"],
                 "flat_sha256": case["sha256"], "probes": case["probes"]}
        path = os.path.join(directory, case["files"][0])
        tap.run(f"real {case['files'][0]}", lambda: look(path, about, ""))


def refused(server, case):
    if server.code != 1:
        return f"exit code {server.code}\n{server.said}"
    if case["expect_helper"] and case["expect_helper"] not in server.said:
        return f"wanted: {case['expect_helper']}\n{server.said}"
    return "" if server.said else "no message"


def fails_at(handle, at):
    import nbd                  # pylint: disable=import-error
    try:
        handle.pread(handle.get_block_size(0), at)
    except nbd.Error as error:
        return error.errno in ("EIO", errno.EIO)
    return False


def judge(path, case):
    """One malformed image: "" or what is wrong."""
    with Server(path, options=["-r"]) as server:
        if case["kind"] == "refuse":
            return refused(server, case)
        if not server.serves:
            return f"does not serve\n{server.said}"
        handle = server.connect()
        if case["kind"] == "io-error" and not fails_at(handle, case["at"]):
            return "a read of the bad place succeeds"
        for probe in case["probes"]:
            data = handle.pread(probe["length"], probe["offset"])
            if hashlib.sha256(data).hexdigest() != probe["sha256"]:
                return f"another hash at {probe['offset']:#x}"
        extents(handle, 0, min(handle.get_size(), GIB))
        if server.stop():
            return f"exit code {server.code}\n{server.said}"
    if case["kind"] == "io-error" and case["expect"] not in server.said:
        return f"wanted: {case['expect']}\n{server.said}"
    return ""


def evil(tap, directory):
    for case in manifest.load(directory, "evil.json"):
        path = os.path.join(directory, case["file"])
        if "helper" in case["via"]:
            tap.run(f"malformed {case['name']}", lambda: judge(path, case))


def state(directory):
    """Of all files: names, sizes, times of change."""
    return [(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in sorted(os.scandir(directory), key=lambda e: e.name)]


def parents(tap, directory):
    """A chain whose parents are named, or the wrong ones."""
    path = [os.path.join(directory, name) for name in (
        "chain-three.vhdx", "chain-three-middle.vhdx",
        "chain-three-base.vhdx", "dynamic.vhdx")]
    for name, args, said in (
            ("named parents", [f"parent={path[1]}", f"parent={path[2]}"], ""),
            ("the wrong parent", [f"parent={path[2]}"], "data write GUID"),
            ("too many parents",
             [f"parent={one}" for one in (path[1], path[2], path[3])],
             "more --parent options"),
            ("a parent that is not there", ["parent=/nowhere"], "/nowhere"),
            ("a second image", [f"file={path[3]}"], "one image is served"),
            ("an unknown parameter", ["colour=blue"], "unknown parameter")):
        with Server(path[0], *args, options=["-r"]) as server:
            tap.ok(server.serves != bool(said) and said in server.said, name,
                   server.said)


def elsewhere(tap, directory):
    """A parent out of the child's directory is followed if asked for only."""
    for case in manifest.load(directory, "manifest.json"):
        if whereabouts(case):
            with Server(os.path.join(directory, case["file"]),
                        options=["-r"]) as server:
                tap.ok(not server.serves and "parents-anywhere" in server.said,
                       f"a parent elsewhere: {case['name']}", server.said)


def odd_requests(tap, directory):
    """What is not whole sectors is refused with the remedy, and served by it."""
    import nbd                  # pylint: disable=import-error
    path = os.path.join(directory, "sectors-4096.vhdx")
    with Server(path, options=["-r"]) as server:
        handle = server.connect()
        whole = handle.pread(8192, 0)
        try:
            handle.pread(512, 512)
            code = "none"
        except nbd.Error as error:
            code = error.errno
        server.stop()
        tap.ok(code in ("EINVAL", errno.EINVAL) and
               "--filter=blocksize" in server.said,
               "part of a sector is refused", f"{code}\n{server.said}")
    with Server(path, "minblock=4096",
                options=["-r", "--filter=blocksize"]) as server:
        tap.ok(server.connect().pread(512, 5120) == whole[5120:5632],
               "and the filter reads it", server.said)


def main():
    tap = Tap()
    tap.run("the plugin is there", nbdserver.demand)
    if not tap.passed:
        return tap.finish()
    tree, flat = (os.path.join(sys.argv[1], name) for name in ("tree", "flat"))
    directory = {name: os.path.join(tree, name)
                 for name in ("real", "good", "evil")}
    before = {name: state(path) for name, path in directory.items()}
    real(tap, directory["real"], manifest.load(sys.argv[1], "index.json"))
    parents(tap, directory["good"])
    elsewhere(tap, directory["good"])
    odd_requests(tap, directory["good"])
    good(tap, directory["good"], os.path.join(flat, "good"))
    evil(tap, directory["evil"])
    for name, path in directory.items():
        tap.ok(state(path) == before[name], f"no image of {name} changed")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
