# SPDX-License-Identifier: GPL-2.0-only
"""What the files of malformed images share: kinds of case, and the good
images that each case spoils in one place.

A case is a function that takes a good image, already laid out, and changes
one thing; the decorator says what a reader must make of it:

 refuse     the image (or chain) must not open
 io_error   it opens; reads at `at` fail, the probes elsewhere read right
 tolerate   it opens and reads right; `severity` is what check says, if at all
 check_only it opens; only the whole-image check finds it

`rule` is the section of the format rules; `found` when the fault is met:
"open", "read", or only by a "check" of the whole image; `via` who can be
shown the case, where that is not both of "helper" (which finds parents by
itself) and "module" (which is given them).  The exact finding that each case
must bring stands in the file evil.expect.
"""
from content import Stamp
from corpus import Cases
from ondisk import KIB, MIB, PAGE
from log import Journal
from vhdx import Image

CASES = Cases()
BOTH = ("helper", "module")


def dynamic(name, **knobs):
    """8 MiB, blocks 0, 1 and 3 of 2 MiB present, at 4, 6 and 8 MiB."""
    image = Image(name, 8 * MIB, **knobs)
    for block in (0, 1, 3):
        start, end = image.extent(block)
        image.write(start, 64 * KIB, Stamp(1))
        image.write(end - image.lss, image.lss, Stamp(1))
    image.set_state(0, 6)
    return image.prepare()


def bare_child(name, **knobs):
    """A child not laid out yet, so that its locator can be edited."""
    parent = Image(name + "-base", 8 * MIB, **knobs)
    for block in range(4):
        parent.write(block * 2 * MIB, 64 * KIB, Stamp(100))
    image = Image(name, 8 * MIB, parent=parent, **knobs)
    image.write(4096, 4096, Stamp(1))
    image.write(4 * MIB, 2 * MIB, Stamp(1))
    return image


def child(name):
    """A bitmap at 4 MiB; block 0 partial at 5, block 2 present at 7 MiB."""
    return bare_child(name).prepare()


def late_bitmap(name):
    """A child whose bitmap comes last in the file."""
    parent = Image(name + "-base", 8 * MIB).write(0, 64 * KIB, Stamp(100))
    image = Image(name, 8 * MIB, parent=parent, bitmap_place="last")
    image.write(4096, 4096, Stamp(1))
    return image.write(4 * MIB, 2 * MIB, Stamp(1)).prepare()


def dirty(name):
    """A log to be written; the BAT page in place is wrong."""
    image = dynamic(name)
    Journal(image)
    image.spoil(image.bat_offset, bytes(PAGE))
    return image


def _register(kind, rule, base, severity, **about):
    about.setdefault("via", BOTH)
    about.setdefault("at", None)
    about.setdefault("found", "open")
    return lambda function: CASES.register(
        function, kind=kind, rule=rule, base=base, severity=severity,
        **about)


def refuse(rule, base=dynamic, **about):
    return _register("refuse", rule, base, "error", **about)


def tolerate(rule, severity=None, base=dynamic, **about):
    return _register("tolerate", rule, base, severity, **about)


def io_error(rule, at, base=dynamic, **about):
    return _register("io-error", rule, base, "error", at=at, found="read",
                     **about)


def check_only(rule, severity, base=dynamic, **about):
    return _register("check-only", rule, base, severity, found="check",
                     **about)
