#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""good.py DIR [NAME...]: write the corpus of valid images into DIR.

DIR/manifest.json lists them, each with the SHA-256 of its flat content by the
writer's model (null for disks above 16 GiB, which have `probes` instead:
hashes of ranges), geometry, parents nearest first, whether a log is dirty, and
in `readers` which independent programs are known to read it as we do; the
selftest holds them to that.  With names, only these images are written.
"""
import os
import sys

from corpus import Saver, describe, write_json
from good_base import CASES
import good_layout      # noqa: F401, these three register their cases
import good_chain       # noqa: F401
import good_log         # noqa: F401


def build(directory, names=()):
    """Write the images (all, or those named) and return their records."""
    saver, records = Saver(directory), []
    for name, function, about in CASES.all:
        if names and name not in names:
            continue
        image = function()
        assert image.name == name, name
        saver.save(image)
        layers = [image] + image.ancestors()
        records.append({"name": name, **describe(image),
                        "dirty": any(i.dirty for i in layers), **about})
    return records


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    records = build(sys.argv[1], sys.argv[2:])
    write_json(sys.argv[1], "manifest.json", records)
    print(f"{len(records)} images in {sys.argv[1]}")


if __name__ == "__main__":
    main()
