#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""readme.py README

Prints the commands that the README has a newcomer type under "Try it", one a
line, as they stand there but for the comments beside them.
"""
import re
import sys


def commands(text):
    section = re.search(r"^## Try it\n(.*?)^## ", text, re.M | re.S).group(1)
    for line in section.splitlines():
        if line.startswith("    "):
            yield re.sub(r"\s+#\s.*", "", line).strip()


def main():
    with open(sys.argv[1], encoding="utf-8") as readme:
        for command in commands(readme.read()):
            print(command)


if __name__ == "__main__":
    main()
