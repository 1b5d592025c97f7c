#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""seeds.py DIR: make the fuzzer's first inputs in DIR.

They come from the corpora of valid and of malformed images, written anew in
a temporary folder, and from the real images ($VHDX_IMAGES, or shared/images
beside the checkout) where there are any.  Prints what was left out and why.
"""
import json
import lzma
import os
import subprocess
import sys
import tempfile

from pack import PAGE, TooLarge, pack

HERE = os.path.dirname(os.path.abspath(__file__))
GEN = os.path.join(HERE, "..", "gen")
IMAGES = os.environ.get("VHDX_IMAGES") or \
    os.path.join(HERE, "..", "..", "..", "shared", "images")
LAYERS_MAX = 3
# Who is whose parent among the real images.
PARENTS = {"fat-differential": ["fat-parent"]}


class Seeds:
    """Writes inputs and counts them."""

    def __init__(self, directory):
        self.directory = directory
        self.made = self.left_out = 0

    def add(self, name, paths, as_is=False):
        missing = [p for p in paths if not os.path.exists(p)]
        paths = [p for p in paths if p not in missing][:LAYERS_MAX]
        try:
            blob = pack(paths, as_is)
        except TooLarge as why:
            print(f"left out: {name}: {why}")
            self.left_out += 1
            return
        with open(os.path.join(self.directory, name), "wb") as out:
            out.write(blob)
        self.made += 1


def unpack(source, target):
    """Unpack .xz sparsely."""
    with lzma.open(source) as data, open(target, "wb") as out:
        while chunk := data.read(256 * PAGE):
            if chunk.strip(b"\0"):
                out.write(chunk)
            else:
                out.seek(len(chunk), os.SEEK_CUR)
        out.truncate()


def real(seeds, directory):
    """The images that Windows, Hyper-V and QEMU wrote."""
    if not os.path.isdir(IMAGES):
        print(f"no real images: {IMAGES} is absent")
        return
    names = [f[:-8] for f in sorted(os.listdir(IMAGES))
             if f.endswith(".vhdx.xz")]
    path = {n: os.path.join(directory, n + ".vhdx") for n in names}
    for name in names:
        unpack(os.path.join(IMAGES, name + ".vhdx.xz"), path[name])
    for name in names:
        chain = [name] + PARENTS.get(name, [])
        seeds.add("real-" + name, [path[n] for n in chain])


def corpus(seeds, directory, script, listing, as_is):
    """The images of one of the generators."""
    subprocess.run([os.path.join(GEN, script), directory], check=True,
                   stdout=subprocess.DEVNULL)
    with open(os.path.join(directory, listing), encoding="utf-8") as file:
        records = json.load(file)
    for record in records:
        paths = [os.path.join(directory, f)
                 for f in [record["file"]] + record["parents"]]
        seeds.add(f"{script[:-3]}-{record['name']}", paths, as_is)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    seeds = Seeds(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        real(seeds, directory)
    with tempfile.TemporaryDirectory() as directory:
        corpus(seeds, directory, "good.py", "manifest.json", False)
    with tempfile.TemporaryDirectory() as directory:
        corpus(seeds, directory, "evil.py", "evil.json", True)
    print(f"{seeds.made} seeds, {seeds.left_out} left out")


if __name__ == "__main__":
    main()
