# SPDX-License-Identifier: GPL-2.0-only
"""What the generators wrote down of the images that they made.

load(*path)              the list of a manifest: a dict for each image
paths(directory, case)   the paths of its files, the child first
"""
import json
import os


def load(*path):
    """The list that one of the generators wrote down."""
    with open(os.path.join(*path), encoding="utf-8") as source:
        return json.load(source)


def paths(directory, case):
    """The paths of an image and its parents, the child first."""
    return [os.path.join(directory, file)
            for file in [case["file"], *case["parents"]]]
