#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""apis.py HEADER...: checks that the lists of what files offer are right.

The first comment of a header names beneath "FILE.c APIs:" each function that it
declares, in the list of the file beside it that has the function, and beneath
"FILE.h APIs:" each inline function.  Names of other things may stand there, but
no name that is not in the header.
"""
import os
import re
import sys

# Theirs are others' names, or a rule says what all of them are.
FREE = ("compat.h", "env.h", "kernel-shim.h", "suites.h", "test.h", "trace.h",
        "vhdxsetup.h")

COMMENT = re.compile(r"/\*.*?\*/", re.S)
PRINTF = re.compile(r"__printf\(\d+, \d+\)")
DECLARED = re.compile(r"^(?!static|typedef|#|\s)[^;{}()=]*?\b(\w+)\([^;{]*\)"
                      r"[^;{}]*;", re.M)
INLINE = re.compile(r"^static inline\b[^;{]*?\b(\w+)\(", re.M)
SECTION = re.compile(r"^ \* ([\w-]+\.[ch]) APIs:$")
ENTRY = re.compile(r"^ \*   (\w+.*)$")
NAME = re.compile(r"(\w+)\(\)")


def listed(comment):
    """{name: file} of the functions in a header's first comment."""
    names, section = {}, None
    for line in comment.split("\n"):
        if match := SECTION.match(line):
            section = match[1]
        elif match := ENTRY.match(line):
            # What it does comes after a tab, and may name others.
            for name in NAME.findall(match[1].split("\t")[0]):
                names[name] = section
    return names


def has(path, name):
    """Whether a file defines a function."""
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as source:
        return re.search(r"^(?!static|\s)[^;{}()=]*\b%s\([^;{]*\)\n\{" % name,
                         source.read(), re.M)


def faults(path):
    """Sentences about a header."""
    with open(path, encoding="utf-8") as source:
        text = source.read()
    first = re.search(r"/\*\n.*?\*/", text, re.S)
    names = listed(first[0] if first else "")
    body = PRINTF.sub("", COMMENT.sub("", text))
    inline = set(INLINE.findall(body))
    declared = set(DECLARED.findall(body)) - inline
    for name in sorted((declared | inline) - set(names)):
        yield f"{name}() is not listed"
    for name, file in names.items():
        if name in inline:
            if file != os.path.basename(path):
                yield f"{name}() is inline, but listed for {file}"
        elif not re.search(r"\b%s\b" % name, body):
            yield f"{name}() is listed, and not there"
        elif name in declared and not (file and has(
                os.path.join(os.path.dirname(path), file), name)):
            yield f"{name}() is listed for {file}, which has none"


def main():
    bad = [f"{path}: {fault}" for path in sys.argv[1:]
           if os.path.basename(path) not in FREE for fault in faults(path)]
    print("\n".join(bad))
    return 1 if bad or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
