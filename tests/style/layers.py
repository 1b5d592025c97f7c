#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""layers.py [DIRECTORY]: checks that includes of the module go down.

Each file of the module has a place in ORDER, top to bottom.  It may include a
header on its own line or below, never above.  Within a line no circle may be,
nor in the engine, which is at the bottom.  A file without a place fails.  So does the
table of PAGE, for people, if it has not the same files in the same order.
"""
import os
import re
import sys

# Headers stand for their .c as well.
ORDER = """
dm-vhdx-target
map
provision
zero
limits message status
moving
write
wrote
defer
device
layer shrink
backing stack
commit-life
commit-thread
commit-prepare
commit-move
commit-nospace
commit
io
registry
store/file-ops store/file-open
store/file-io
store/file-lock store/file-queue store/file-room store/file-time
store/bdev store/file
store/buffer store/file-workers store/fresh store/overlap store/pending store/status
store/stream
load table
reason
charge compat epoch hibernate patience printable scope trace
"""

PAGE = "Documentation/layers.rst"
# In its first column; the stores are one entry.
ENTRY = re.compile(r"``([\w-]+(?=\.[ch]``)|store/(?=``))")

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
# Kbuild makes it.
MADE = ("probed.h",)


def sources(top):
    """Paths of the files below a directory."""
    for folder, _, names in os.walk(top):
        for name in names:
            if name.endswith((".c", ".h")) and not name.endswith(".mod.c"):
                yield os.path.relpath(os.path.join(folder, name), top)


def includes(top, path):
    """Paths of what a file includes."""
    with open(os.path.join(top, path), encoding="utf-8") as source:
        for name in INCLUDE.findall(source.read()):
            if name not in MADE:
                yield os.path.normpath(os.path.join(os.path.dirname(path),
                                                    name))


def ranks():
    """{unit: line in ORDER, 1 at the bottom}."""
    lines = ORDER.split("\n")[1:-1]
    return {unit: len(lines) - i for i, line in enumerate(lines)
            for unit in line.split()}


def unit_of(path):
    return os.path.splitext(path)[0]


def circle(graph):
    """A circle of units, or None."""
    done, trail = set(), []

    def visit(unit):
        if unit in trail:
            return trail[trail.index(unit):] + [unit]
        if unit in done:
            return None
        trail.append(unit)
        for below in sorted(graph.get(unit, ())):
            found = visit(below)
            if found:
                return found
        trail.pop()
        done.add(unit)
        return None

    for unit in sorted(graph):
        found = visit(unit)
        if found:
            return found
    return None


def page_faults(page):
    """Sentences about the table of a page."""
    with open(page, encoding="utf-8") as text:
        lines = text.read().split("\n")
    edges = [i for i, line in enumerate(lines) if line.startswith("====  ")
             or re.match(r"=+ +=+$", line)][:3]
    width = lines[edges[0]].index(" ")
    named = [name for line in lines[edges[1] + 1:edges[2]]
             for name in ENTRY.findall(line[:width])]
    rank = ranks()
    rank["store/"] = rank["store/file"]
    for name in sorted({re.sub("/.*", "/", unit) for unit in rank}):
        if name not in named:
            yield f"{page}: has no {name}"
    for above, below in zip(named, named[1:]):
        if below not in rank:
            yield f"{page}: has {below}, which ORDER has not"
        elif rank.get(above, 0) < rank[below]:
            yield f"{page}: has {below} below {above}"


def faults(top):
    """Sentences about the files below a directory."""
    rank, graph = ranks(), {}
    for path in sorted(sources(top)):
        if path.startswith("probe/"):
            continue
        unit = unit_of(path)
        engine = path.startswith("engine/")
        if not engine and unit not in rank:
            yield f"{path}: has no place in ORDER of {sys.argv[0]}"
            continue
        for name in includes(top, path):
            below = unit_of(name)
            if below != unit:
                graph.setdefault(unit, set()).add(below)
            if below.startswith("engine/"):
                continue
            if engine:
                yield f"{path}: includes {name}, which is not of the engine"
            elif below not in rank:
                yield f"{path}: includes {name}, which has no place"
            elif rank[below] > rank[unit]:
                yield f"{path}: includes {name}, which is above it"
    found = circle(graph)
    if found:
        yield "a circle: " + " -> ".join(found)


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else "dm-vhdx"
    bad = list(faults(top)) + list(page_faults(
        os.path.normpath(os.path.join(top, os.pardir, PAGE))))
    if bad:
        print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
