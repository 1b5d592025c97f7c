#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""evil.py DIR [NAME...]: write the corpus of malformed images into DIR.

Each has one precise fault; checksums are right unless a checksum is the
fault.  DIR/evil.json says of each: the file, the parents to be given to the
module (nearest first), `kind`, the `rule` it breaks (a section of the format
rules), the `severity` that a check should give it, when it is `found`, the
exact finding in `expect` (null: none), `expect_helper` where vhdxsetup says
it in words of its own, who can be shown it (`via`), for an io-error the offset
`at` which a read fails, `probes` that must read right nevertheless, and for
what is tolerated the flat hash.  The kinds are explained in evil_base.py.
"""
import os
import sys

from corpus import Saver, write_json
from evil_base import CASES
import evil_bat             # noqa: F401, these register their cases
import evil_chain           # noqa: F401
import evil_foreign         # noqa: F401
import evil_headers         # noqa: F401
import evil_locator         # noqa: F401
import evil_log             # noqa: F401
import evil_metadata        # noqa: F401
import evil_regions         # noqa: F401
from ondisk import KIB, MIB

PROBE = 4 * KIB
HASHED = 2 << 30                # larger disks are probed, not hashed whole


def probe(image, at):
    return {"offset": at, "length": PROBE,
            "sha256": image.flat_sha256(at, at + PROBE)}


def expected(image, about):
    """The fields that say what reads must give."""
    whole = about["kind"] in ("tolerate", "check-only")
    whole = whole and about.get("flat", True)
    probes = []
    if whole and image.size > HASHED:
        probes = [probe(image, at) for at in (0, image.size - PROBE)]
    elif about["kind"] == "io-error" and "probe" not in about:
        probes = [probe(image, 4 * MIB if about["at"] < 2 * MIB else 0)]
    return {"flat_sha256": image.flat_sha256()
            if whole and image.size <= HASHED else None, "probes": probes}


def parents(image, about):
    """What the table line names after the image itself."""
    if "parents" in about:
        return about["parents"]
    return getattr(image, "line", None) or [p.file for p in image.ancestors()]


def expectations():
    """The findings of evil.expect: {name: text}, {name: helper's text}."""
    texts, helper = {}, {}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "evil.expect")
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or not line.strip():
                continue
            name, text = line.rstrip("\n").split(": ", 1)
            name, _, who = name.partition(" ")
            where = helper if who else texts
            assert name not in where, name
            where[name] = text
    known = {name for name, _, _ in CASES.all}
    assert set(texts) | set(helper) <= known, "evil.expect names no case"
    return texts, helper


def record(saver, name, function, about):
    """Make one case and describe it."""
    image = about["base"](name)
    function(image)
    saver.save(image)
    for other in image.also:
        saver.save(other)
    if about.get("lost"):
        os.unlink(os.path.join(saver.directory, image.parent.file))
    return {"name": name, "file": image.file,
            "parents": parents(image, about), "kind": about["kind"],
            "rule": about["rule"], "severity": about["severity"],
            "found": about["found"], "via": list(about["via"]),
            "at": about["at"], "virtual_size": getattr(image, "size", None),
            "lss": getattr(image, "lss", None), **expected(image, about),
            "notes": about["notes"]}


def build(directory, names=()):
    """Write the cases (all, or those named) and return their records."""
    saver = Saver(directory)
    texts, helper = expectations()
    return [{**record(saver, name, function, about),
             "expect": texts.get(name),
             "expect_helper": helper.get(name, texts.get(name))}
            for name, function, about in CASES.all
            if not names or name in names]


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    records = build(sys.argv[1], sys.argv[2:])
    write_json(sys.argv[1], "evil.json", records)
    print(f"{len(records)} cases in {sys.argv[1]}")


if __name__ == "__main__":
    main()
