#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""inputs.py DIR: complete the inputs that the script "inputs" began.

Writes, below DIR,
 - tree/good: a chain whose content fio can verify, from flat/verifiable;
 - flat/CORPUS/NAME: the flat content of each image, sparse, as reader.py reads
   it; an error unless it has the SHA-256 that was published or modelled;
 - index.json: of each image the size, hash, probes, and which MiB of the flat
   content are not all zeros, for readback.py;
 - images.tsv: corpus, name, sectors, logical sector size, then the files of
   the chain, child first;
 - evil.tsv: kind, name, sectors, when the finding is met, the finding or "-",
   then the files of the chain.
File names in the tables are as the target wants them, white space in octal.
"""
import hashlib
import json
import os
import re
import sys

from content import Blob, Stamp
from corpus import Saver
import manifest
from ondisk import KIB, MIB
import reader
from vhdx import Image

REAL_PARENTS = {"fat-differential": ["fat-parent"]}
ROW = re.compile(r"^\| ([\w-]+) \|.*\| ([0-9a-f]{64}) \|$", re.M)
ZEROS = bytes(MIB)


def escape(name):
    """As the target reads it; the kernel takes byte 0xA0 for a space."""
    return re.sub(rb"[\s\\\xa0]", lambda byte: b"\\%03o" % ord(byte[0]),
                  os.fsencode(name))


def write_rows(path, rows):
    with open(path, "wb") as out:
        for fields, files in rows:
            text = [str(field).encode() for field in fields]
            out.write(b"\t".join(text + [escape(one) for one in files]) +
                      b"\n")


def flatten(disk, path):
    """Write a disk's content; returns its hash and the MiB with data."""
    digest, used = hashlib.sha256(), []
    with open(path, "wb") as out:
        out.truncate(disk.size)
        for at in range(0, disk.size, MIB):
            piece = b"".join(disk.chunks(at, min(at + MIB, disk.size)))
            digest.update(piece)
            if piece != ZEROS[:len(piece)]:
                used.append(at // MIB)
                out.seek(at)
                out.write(piece)
    return digest.hexdigest(), used


def verifiable(directory, flat):
    """A chain of three that reads as what fio wrote, its blocks shuffled;
    what a layer hides in the ones below is junk."""
    with open(flat, "rb") as source:
        blob = source.read()
    size = len(blob)
    lower = Image("verifiable-lower", size, block_size=MIB,
                  placement="shuffled")
    middle = Image("verifiable-middle", size, block_size=2 * MIB,
                   parent=lower)
    child = Image("verifiable", size, block_size=MIB, parent=middle,
                  placement="shuffled")
    for at in range(0, size, 64 * KIB):
        turn = at // (64 * KIB) * 7 % 5
        owner = lower if turn < 2 else middle if turn == 2 else child
        for layer in (lower, middle):
            if layer is owner:
                break
            layer.write(at, 64 * KIB, Stamp(99))
        owner.write(at, 64 * KIB, Blob(at, blob[at:at + 64 * KIB]))
    Saver(directory).save(child)
    return {"name": "verifiable", "file": child.file, "lss": 512,
            "parents": [one.file for one in child.ancestors()],
            "virtual_size": size, "probes": [],
            "flat_sha256": hashlib.sha256(blob).hexdigest()}


def real(directory):
    """Records of the real images, from the table in their README."""
    path = os.path.join(directory, "README.md")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as text:
        found = ROW.findall(text.read())
    for name, sha256 in found:
        yield {"name": name, "file": name + ".vhdx", "probes": [],
               "parents": [one + ".vhdx"
                           for one in REAL_PARENTS.get(name, [])],
               "flat_sha256": sha256}


def index(directory, corpus, record):
    """Complete a record: geometry by the reader, the flat file."""
    tree = os.path.join(directory, "tree", corpus)
    files = [record["file"]] + record["parents"]
    disk = reader.Disk(os.path.join(tree, files[0]),
                       [os.path.join(tree, one) for one in files[1:]])
    entry = {"size": disk.size, "lss": disk.lss, "probes": record["probes"],
             "sha256": record["flat_sha256"], "files": files, "used": None}
    if entry["sha256"]:
        path = os.path.join(directory, "flat", corpus, record["name"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        sha256, entry["used"] = flatten(disk, path)
        if sha256 != entry["sha256"]:
            sys.exit(f"{path} should be {entry['sha256']}, is {sha256}")
    disk.close()
    return entry


def evil_row(case):
    """Of what is no VHDX, the size does not matter."""
    return ((case["kind"], case["name"],
             (case["virtual_size"] or 8 * MIB) // 512, case["found"],
             case["expect"] or "-"), [case["file"]] + case["parents"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = sys.argv[1]
    tree = os.path.join(directory, "tree")
    good = manifest.load(tree, "good", "manifest.json")
    good.append(verifiable(os.path.join(tree, "good"),
                           os.path.join(directory, "flat", "verifiable")))
    entries = {}
    for corpus, records in (("real", real(os.path.join(tree, "real"))),
                            ("good", good)):
        for record in records:
            entries[f"{corpus}/{record['name']}"] = \
                index(directory, corpus, record)
    evil = manifest.load(tree, "evil", "evil.json")
    entries |= {f"evil/{case['name']}": {
        "sha256": case["flat_sha256"], "probes": case["probes"],
        "at": case["at"], "used": None}
        for case in evil}
    with open(os.path.join(directory, "index.json"), "w",
              encoding="utf-8") as out:
        json.dump(entries, out)
    write_rows(os.path.join(directory, "images.tsv"), (
        ((*name.split("/"), one["size"] // 512, one["lss"]), one["files"])
        for name, one in entries.items() if "files" in one))
    write_rows(os.path.join(directory, "evil.tsv"), (
        evil_row(case) for case in evil if "module" in case["via"]))


if __name__ == "__main__":
    main()
