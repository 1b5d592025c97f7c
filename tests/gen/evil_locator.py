# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: parent locators."""
from evil_base import bare_child, refuse, tolerate
import ondisk

LINKAGE, RELATIVE, ABSOLUTE = 0, 1, 2       # the writer's order of pairs


def spell(image, index, value):
    """Give a pair another value."""
    image.locator.pairs[index] = (image.locator.pairs[index][0], value)


def rename(image, index, key):
    """Give a pair another key."""
    image.locator.pairs[index] = (key, image.locator.pairs[index][1])


def force(image, index, **fields):
    """Have a pair's entry say something else than is true."""
    for name, value in fields.items():
        image.locator.overrides[index, name] = value


@refuse("8.1", base=bare_child)
def locator_type(image):
    """A locator type that no one knows."""
    image.locator.kind = ondisk.guid("another kind of locator")


@refuse("8.1", base=bare_child)
def locator_no_pairs(image):
    """KeyValueCount 0."""
    image.locator.count = 0


@refuse("8.1", base=bare_child)
def locator_count_beyond(image):
    """KeyValueCount says more pairs than fit in the item."""
    image.locator.count = 200


@refuse("8.1", base=bare_child)
def locator_count_max(image):
    """KeyValueCount is 65535."""
    image.locator.count = 0xffff


@refuse("8.1", base=bare_child)
def locator_empty(image):
    """The item holds nothing."""
    image.prepare()
    item = image.metadata.find(ondisk.PARENT_LOCATOR)
    item.value, item.offset = b"", 0


@refuse("8.1", base=bare_child)
def locator_short(image):
    """The item ends inside the locator's header."""
    image.prepare()
    item = image.metadata.find(ondisk.PARENT_LOCATOR)
    item.value = item.value[:19]


@refuse("8.1", base=bare_child)
def locator_cut(image):
    """The item ends inside the last value."""
    image.prepare()
    item = image.metadata.find(ondisk.PARENT_LOCATOR)
    item.value = item.value[:-2]


@refuse("8.1", base=bare_child)
def locator_key_offset_zero(image):
    """KeyOffset 0."""
    force(image, LINKAGE, key_offset=0)


@refuse("8.1", base=bare_child)
def locator_value_offset_zero(image):
    """ValueOffset 0."""
    force(image, LINKAGE, value_offset=0)


@refuse("8.1", base=bare_child)
def locator_value_outside(image):
    """ValueOffset lies past the item."""
    force(image, RELATIVE, value_offset=0x10000)


@refuse("8.1", base=bare_child)
def locator_value_overflow(image):
    """ValueOffset and ValueLength add up to more than 2^32."""
    force(image, RELATIVE, value_offset=0xfffffffe)


@refuse("8.1", base=bare_child)
def locator_key_length_zero(image):
    """KeyLength 0."""
    force(image, RELATIVE, key_length=0)


@refuse("8.1", base=bare_child)
def locator_value_length_zero(image):
    """ValueLength 0."""
    force(image, RELATIVE, value_length=0)


@refuse("8.1", base=bare_child)
def locator_key_length_odd(image):
    """KeyLength is odd: half a UTF-16 unit."""
    force(image, LINKAGE, key_length=27)


@refuse("8.1", base=bare_child)
def locator_value_length_odd(image):
    """ValueLength is odd."""
    force(image, LINKAGE, value_length=75)


@refuse("8.1", base=bare_child)
def locator_lone_surrogate(image):
    """A path with half a surrogate pair inside."""
    spell(image, RELATIVE, b".\0\\\0\x3d\xd8p\0")


@refuse("8.1", base=bare_child)
def locator_ends_in_surrogate(image):
    """A path that ends in the first half of a surrogate pair."""
    spell(image, RELATIVE, b".\0\\\0p\0\x3d\xd8")


@refuse("8.1", base=bare_child)
def locator_cut_in_surrogate(image):
    """A path whose length ends between the halves of a surrogate pair: the
    second half stands right behind it."""
    path = image.locator.pairs[RELATIVE][1] + "\U0001f4be"
    spell(image, RELATIVE, path)
    force(image, RELATIVE, value_length=len(path.encode("utf-16-le")) - 2)


@refuse("8.1", base=bare_child)
def locator_low_surrogate_first(image):
    """A surrogate pair with its halves exchanged."""
    spell(image, RELATIVE, b".\0\\\0\xbe\xdc\x3d\xd8")


@refuse("8.1", base=bare_child)
def locator_nul_inside(image):
    """A path with a NUL inside."""
    spell(image, RELATIVE, image.locator.pairs[RELATIVE][1] + "\0.txt")


@refuse("8.1", base=bare_child)
def locator_nul_at_end(image):
    """A path with a NUL at its end."""
    spell(image, RELATIVE, image.locator.pairs[RELATIVE][1] + "\0")


@refuse("8.1", base=bare_child)
def locator_linkage_twice(image):
    """parent_linkage is there twice."""
    image.locator.pairs.append(image.locator.pairs[LINKAGE])


@refuse("8.1", base=bare_child)
def locator_path_twice(image):
    """relative_path is there twice, with different values."""
    image.locator.pairs.append(("relative_path", ".\\other.vhdx"))


@refuse("8.1", base=bare_child)
def locator_no_linkage(image):
    """parent_linkage is missing."""
    del image.locator.pairs[LINKAGE]


@refuse("8.1", base=bare_child)
def locator_linkage_wrong_case(image):
    """The key is "Parent_Linkage": keys are case-sensitive."""
    rename(image, LINKAGE, "Parent_Linkage")


@refuse("8.1", base=bare_child)
def locator_linkage_no_braces(image):
    """The linkage is a GUID without braces."""
    spell(image, LINKAGE, image.locator.pairs[LINKAGE][1].strip("{}"))


@refuse("8.1", base=bare_child)
def locator_linkage_not_hex(image):
    """The linkage has a "g" among its digits."""
    spell(image, LINKAGE, "{" + "g" + image.locator.pairs[LINKAGE][1][2:])


@refuse("8.1", base=bare_child)
def locator_linkage_long(image):
    """Something follows the linkage's closing brace."""
    spell(image, LINKAGE, image.locator.pairs[LINKAGE][1] + " ")


@refuse("8.1", base=bare_child)
def locator_linkage_beyond_ascii(image):
    """A digit of the linkage is a full-width one."""
    spell(image, LINKAGE, "{\uff11" + image.locator.pairs[LINKAGE][1][2:])


@tolerate("8.1", "warning", base=bare_child, via=("helper",))
def locator_no_path(image):
    """No path at all: the parent is found by its identity, beside the child."""
    del image.locator.pairs[RELATIVE:]


@tolerate("8.1", "warning", base=bare_child, via=("module",))
def locator_no_path_given(image):
    """No path at all, but the parent is given."""
    del image.locator.pairs[RELATIVE:]


@tolerate("8.1", base=bare_child)
def locator_reserved(image):
    """The reserved word of the locator's header is set."""
    image.locator.reserved = 0xffff


@tolerate("8.1", base=bare_child)
def locator_shared_strings(image):
    """Two pairs use the same bytes for their values."""
    at = 20 + 12 * 3 + sum(len(s) * 2 for s in image.locator.pairs[LINKAGE])
    at += 2 * len("relative_path")
    image.locator.pairs[ABSOLUTE] = ("absolute_win32_path",
                                     image.locator.pairs[RELATIVE][1])
    force(image, ABSOLUTE, value_offset=at)


@tolerate("8.1", base=bare_child)
def locator_256_pairs(image):
    """256 pairs, the ones that count last."""
    image.locator.pairs[:0] = [(f"key{n}", "value") for n in range(253)]
