#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""selftest.py [DIR]: prove the image writer against independent readers.

Writes the good corpus (into DIR, or a temporary directory) and compares, for
each image, the hash of the writer's model with what is read back by
 - reader.py, this directory's own slow reader,
 - the same with the log's replay left out, which must not read right,
 - qemu-img and libvhdi, where the corpus says that they can read it.
Then the contents that Windows attested, and the real images (VHDX_IMAGES, or
../shared/images beside the checkout), which hold reader.py, and with it our
reading of the format, against Windows and QEMU.  Of the malformed images, what
is to be tolerated must read right, what fails in one place must read right in
others, and each case must have its finding in evil.expect.  Prints TAP.
"""
import lzma
import os
import re
import sys
import tempfile

import evil
from evil_base import child, dynamic
import good
from good_base import LIBVHDI, QEMU, REPLAY
import libvhdi
from ondisk import MIB
import qemu
import reader
from tap import Lack, Tap

ATTESTED = {
    "attested-512":
    "ec419e770d9abd432f754fb249934368e3a1f735afe6475af80b7c1ec1422e1c",
    "attested-4096":
    "4fea4b3d34cb7ee8c00617c0e7c0e23232db5ee7ae1cd78999f14a71deaa69cd",
}
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
IMAGES = os.environ.get("VHDX_IMAGES",
                        os.path.join(TOP, "..", "shared", "images"))
REAL_PARENTS = {"fat-differential": ["fat-parent"]}


def differs(got, want):
    return "" if got == want else f"reads {got}\nwants {want}"


class Corpus:
    """The tests of one written corpus."""

    def __init__(self, directory, scratch):
        self.directory = directory
        self.scratch = scratch

    def chain(self, record):
        return [os.path.join(self.directory, name)
                for name in [record["file"]] + record["parents"]]

    def own(self, record):
        chain = self.chain(record)
        disk = reader.Disk(chain[0], chain[1:])
        try:
            wrong = [p["offset"] for p in record["probes"]
                     if disk.flat_sha256(p["offset"], p["offset"] +
                                         p["length"]) != p["sha256"]]
            if wrong:
                return f"reads wrong at {wrong}"
            if record["flat_sha256"] is None:
                return "" if record["probes"] else "nothing to compare"
            return differs(disk.flat_sha256(), record["flat_sha256"])
        finally:
            disk.close()

    def unreplayed(self, record):
        try:
            got = reader.flat_sha256(self.chain(record), replay=False)
        except reader.FormatError:
            return ""
        same = got == record["flat_sha256"]
        return "" if same == record["inert"] else \
            "the log makes " + ("no " if same else "a ") + "difference"

    def qemu(self, record):
        if not qemu.load():
            raise Lack("no qemu-img")
        return differs(qemu.flat_sha256(self.chain(record)[0], self.scratch),
                       record["flat_sha256"])

    def replay(self, record):
        if not qemu.load():
            raise Lack("no qemu-img")
        return differs(qemu.replayed_sha256(self.chain(record)[0],
                                            self.scratch),
                       record["flat_sha256"])

    def libvhdi(self, record):
        if not libvhdi.load():
            raise Lack("no libvhdi")
        return differs(libvhdi.flat_sha256(self.chain(record)),
                       record["flat_sha256"])

    def tests(self, record):
        """(name, function) of the tests that apply to an image."""
        yield "reader", self.own
        if record["dirty"]:
            yield "replay matters as said", self.unreplayed
        for name, test in ((QEMU, self.qemu), (REPLAY, self.replay),
                           (LIBVHDI, self.libvhdi)):
            if name in record["readers"]:
                yield name, test


def real_images():
    """(name, hash) from the table in the images' README."""
    path = os.path.join(IMAGES, "README.md")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as text:
        return re.findall(r"^\| ([\w-]+) \|.*\| ([0-9a-f]{64}) \|$",
                          text.read(), re.M)


def unpack(name, scratch):
    """Unpack a real image, holes where it has zeros; returns its path."""
    path = os.path.join(scratch, name + ".vhdx")
    if os.path.exists(path):
        return path
    with lzma.open(os.path.join(IMAGES, name + ".vhdx.xz")) as packed, \
            open(path, "wb") as out:
        while piece := packed.read(MIB):
            if any(piece):
                out.write(piece)
            else:
                out.seek(len(piece), os.SEEK_CUR)
        out.truncate(out.tell())
    return path


def real(name, want, scratch):
    chain = [unpack(one, scratch)
             for one in [name] + REAL_PARENTS.get(name, [])]
    return differs(reader.flat_sha256(chain), want)


def evil_tests(tap, directory, scratch):
    """What reader.py can say of the malformed images."""
    corpus = Corpus(directory, scratch)
    os.makedirs(directory, exist_ok=True)
    for base in (dynamic, child):
        image = base("spotless-" + base.__name__)
        chain = [layer.save(directory)
                 for layer in [image] + image.ancestors()]
        tap.run(f"the image that {base.__name__} cases spoil is good",
                lambda image=image, chain=chain: differs(
                    reader.flat_sha256(chain), image.flat_sha256()))
    for record in evil.build(directory):
        tap.ok(bool(record["expect"]) == bool(record["severity"]),
               f"{record['name']}: has a finding, if it is to bring one")
        if record["flat_sha256"] or record["probes"]:
            tap.run(f"{record['name']}: reads right where it can",
                    lambda record=record: corpus.own(record))


def run(directory, scratch):
    tap = Tap()
    corpus = Corpus(directory, scratch)
    records = good.build(directory)
    for record in records:
        for what, test in corpus.tests(record):
            tap.run(f"{record['name']}: {what}",
                    lambda record=record, test=test: test(record))
    model = {r["name"]: r["flat_sha256"] for r in records}
    for name, want in ATTESTED.items():
        tap.run(f"{name}: as Windows attested",
                lambda name=name, want=want: differs(model[name], want))
    images = real_images()
    for name, want in images:
        tap.run(f"real image {name}", lambda name=name, want=want:
                real(name, want, scratch))
    if not images:
        tap.skip("real images", "no image directory; set VHDX_IMAGES")
    evil_tests(tap, os.path.join(scratch, "evil"), scratch)
    return tap.finish()


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] == ["-h"]:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="vhdx-selftest-") as scratch:
        directory = sys.argv[1] if len(sys.argv) > 1 else \
            os.path.join(scratch, "good")
        os.makedirs(directory, exist_ok=True)
        return run(directory, scratch)


if __name__ == "__main__":
    sys.exit(main())
