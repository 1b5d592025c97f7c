# SPDX-License-Identifier: GPL-2.0-only
"""What the good and the malformed corpus share: a list of cases, a way to
save chains of images once each, and the JSON file that tells tests of them.

A case is a function that returns an Image, ready to be saved, or (for what is
no VHDX at all) writes a file itself.  Its name, underscores made dashes, is
the name of the case; its docstring says what is special.
"""
import inspect
import json
import os

HUGE = 16 << 30                 # from here on only probes are hashed


class Cases:
    """A registry filled by decorators, in source order."""

    def __init__(self):
        self.all = []

    def register(self, function, **about):
        name = function.__name__.replace("_", "-")
        assert name not in [n for n, _, _ in self.all], name
        about["notes"] = " ".join(inspect.getdoc(function).split())
        self.all.append((name, function, about))
        return function


class Saver:
    """Writes images below one directory, parents too, each once."""

    def __init__(self, directory):
        self.directory = directory
        self._saved = {}

    def save(self, image):
        for one in image.ancestors() + [image]:
            if self._saved.setdefault(one.file, one) is not one:
                raise ValueError("two images want " + one.file)
        for one in image.ancestors() + [image]:
            if not one.saved:
                one.save(self.directory)
                one.saved = True


def probes(image):
    """Hashes of small ranges, for disks too large to hash whole.

    Each range starts where a block that was named starts or ends, or at an
    edge of the disk, so that every mapping of the image is visited.
    """
    length = 64 << 10
    places = {0, image.size - length}
    for layer in [image] + image.ancestors():
        for block in layer.states:
            start, end = layer.extent(block)
            places |= {start, end - length, start - length, end}
    return [{"offset": at, "length": length,
             "sha256": image.flat_sha256(at, at + length)}
            for at in sorted(places) if 0 <= at <= image.size - length]


def describe(image):
    """The part of a record that follows from the image itself."""
    huge = image.size > HUGE
    kind = "fixed" if image.fixed else "dynamic"
    return {
        "file": image.file,
        "parents": [p.file for p in image.ancestors()],
        "kind": "differencing" if image.locator else kind,
        "virtual_size": image.size,
        "block_size": image.block_size,
        "lss": image.lss,
        "pss": image.pss,
        "flat_sha256": None if huge else image.flat_sha256(),
        "probes": probes(image) if huge else [],
    }


def write_json(directory, name, records):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as out:
        json.dump(records, out, indent=1, ensure_ascii=False)
        out.write("\n")
