#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""errors.py SCRIPT...

Scripts that end at the first failure (set -e) say which one it was: each of them
sources scripts/errors.sh, by itself or with what it sources.  What is sourced is
told by the comments that shellcheck wants there.  Prints those that do not.
"""
import re
import sys

TELLS = "scripts/errors.sh"
SOURCED = re.compile(r"^\s*# shellcheck source=(\S+)\n\s*\. ", re.M)
ERREXIT = re.compile(r"^\s*set -[a-zA-Z]*e", re.M)
SHELL = re.compile(r"#!.*\b(ba)?sh\b")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as text:
        return text.read()


def tells(path, seen):
    if path == TELLS:
        return True
    seen.add(path)
    return any(tells(other, seen) for other in SOURCED.findall(read(path))
               if other not in seen and other != "/dev/null")


def main():
    bad = 0
    for path in sys.argv[1:]:
        text = read(path)
        if SHELL.match(text) and ERREXIT.search(text) and \
                not tells(path, set()):
            print("%s: dies without a word: it does not source %s"
                  % (path, TELLS))
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
