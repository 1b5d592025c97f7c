#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads the images of `sim --dump DIRECTORY` with the reader of tests/gen.

Usage: reread.py DIRECTORY

Each N.vhdx, over N-parent.vhdx if there is one, must read as N.raw does.  Exits
with 1 if one does not, or if there is none.
"""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import reader  # noqa: E402


def differs(stem):
    """Whether an image reads otherwise, after saying so."""
    chain = [path for path in (stem + ".vhdx", stem + "-parent.vhdx")
             if os.path.exists(path)]
    with open(stem + ".raw", "rb") as raw:
        wanted = hashlib.file_digest(raw, "sha256").hexdigest()
    try:
        found = reader.flat_sha256(chain)
    except reader.FormatError as error:
        found = error
    if found == wanted:
        return False
    print(f"{stem}.vhdx: {found}, and not {wanted}")
    return True


def main(directory):
    stems = sorted(os.path.join(directory, name[:-4])
                   for name in os.listdir(directory) if name.endswith(".raw"))
    bad = sum(map(differs, stems))
    print(f"{len(stems)} images read again, {bad} of them otherwise")
    return 1 if bad or not stems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
