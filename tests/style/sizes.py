#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks that functions and files stay small enough to be read.

Functions: at most 80 lines, 18 on average. Files: at most 600 lines. Counts a
function from the line of its return type to its closing brace.
"""
import sys

LONGEST = 80
MEAN = 18
FILE = 600


def functions(path):
    """Yields (name, lines) of each function in a file in the kernel's style."""
    with open(path, encoding="utf-8") as source:
        lines = source.read().split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start and lines[start - 1].strip() and not lines[
                    start - 1].startswith(("#", "/*", " *", "}")):
                start -= 1
        elif line == "}" and start is not None:
            yield lines[start], number - start + 1
            start = None


def main():
    sizes, bad = [], []
    for path in sys.argv[1:]:
        for name, lines in functions(path):
            sizes.append(lines)
            if lines > LONGEST:
                bad.append(f"{path}: {name}: {lines} lines")
        with open(path, encoding="utf-8") as source:
            lines = sum(1 for _ in source)
        if lines > FILE:
            bad.append(f"{path}: {lines} lines")
    mean = sum(sizes) / len(sizes)
    print(f"{len(sizes)} functions, {mean:.1f} lines on average, "
          f"{max(sizes)} at most")
    if mean > MEAN:
        bad.append(f"the average is above {MEAN}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
