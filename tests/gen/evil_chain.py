# SPDX-License-Identifier: GPL-2.0-only
"""Malformed: chains whose images do not belong together."""
from content import Stamp
from evil_base import bare_child, child, dynamic, refuse, tolerate
from evil_foreign import Foreign
import ondisk
from ondisk import MIB, NIL, braced
from vhdx import Image

LINKAGE, RELATIVE = 0, 1


def stray(image, other):
    """Put what is no image where the locator says that the parent is."""
    other.file = image.parent.file
    image.parent = other


@refuse("8.1", base=child)
def chain_linkage(image):
    """The parent was written to: its DataWriteGuid is another."""
    image.parent.prepare()
    for header in image.parent.headers:
        header.data_write = ondisk.guid("written since")


@refuse("8.1", base=child)
def chain_linkage_stale_header(image):
    """Only the parent's older header has the GUID that the child wants."""
    image.parent.prepare()
    image.parent.headers[1].data_write = ondisk.guid("written since")


@refuse("8.1", base=bare_child)
def chain_linkage2_nil(image):
    """A parent_linkage2 of zeros is no match, not even for a parent whose
    DataWriteGuid is zero."""
    image.locator.pairs.insert(1, ("parent_linkage2", braced(NIL)))
    image.parent.prepare()
    for header in image.parent.headers:
        header.data_write = NIL


@refuse("8.1", base=bare_child)
def chain_linkage_file_write(image):
    """The linkage is the parent's FileWriteGuid."""
    image.parent.prepare()
    image.locator.pairs[LINKAGE] = (
        "parent_linkage", braced(image.parent.headers[1].file_write))


@refuse("8.1", base=bare_child)
def chain_linkage_disk_id(image):
    """The linkage is the virtual disk id, which all images of the chain
    share."""
    image.locator.pairs[LINKAGE] = ("parent_linkage", braced(image.disk_id))


@refuse("8.1", base=child)
def chain_grandparent(image):
    """The child is right with its parent, the parent not with its own."""
    middle = image.parent
    middle.parent = Image(image.name + "-lower", 8 * MIB)
    middle.locator = middle.default_locator()
    middle.locator.pairs[LINKAGE] = ("parent_linkage",
                                     braced(ondisk.guid("someone else")))


def mixed(name):
    """A child with sectors of 4096 over a parent with 512."""
    parent = Image(name + "-base", 8 * MIB)
    return Image(name, 8 * MIB, lss=4096, parent=parent)


@refuse("8.1", base=mixed)
def chain_sector_size(image):
    """Parent and child have different logical sector sizes."""
    image.write(0, 4096, Stamp(1))


@tolerate("8.1", base=lambda name: Image(
    name, 8 * MIB, pss=512, parent=Image(name + "-base", 8 * MIB)))
def chain_physical_sector(image):
    """Parent and child differ in the physical sector size alone."""
    image.write(0, 4096, Stamp(1))


@refuse("8.1", base=bare_child, via=("helper",), lost=True)
def chain_parent_missing(image):
    """No path of the locator leads to a file."""
    assert image.parent


@refuse("8.1", base=bare_child, via=("helper",), lost=True)
def chain_outside(image):
    """The relative path leads to somebody else's disk."""
    image.locator.pairs[RELATIVE] = ("relative_path",
                                     "..\\tenantB\\VICTIM.VHDX")


@refuse("8.1", base=bare_child, via=("helper",), lost=True)
def chain_outside_detour(image):
    """It goes down first, so that it does not begin with two dots."""
    image.locator.pairs[RELATIVE] = ("relative_path",
                                     ".\\a\\..\\..\\..\\etc\\shadow")


@refuse("8.1", base=bare_child, via=("helper",), lost=True)
def chain_outside_kmsg(image):
    """It leads to what takes messages from the log when it is read."""
    image.locator.pairs[RELATIVE] = ("relative_path",
                                     "../" * 16 + "proc/kmsg")


@refuse("8.1", base=child, via=("module",), parents=[])
def chain_parent_not_given(image):
    """A differencing image, and the table names no parent."""
    assert image.parent


@refuse("8.1", via=("module",), parents=["file-signature-spare.vhdx"])
def chain_parent_too_many(image):
    """An image without a parent, and the table names one."""
    image.also = [dynamic("file-signature-spare")]


@refuse("8.1", base=bare_child)
def chain_self(image):
    """An image that is its own parent."""
    image.locator.pairs = [("parent_linkage", braced(image.data_write)),
                           ("relative_path", ".\\" + image.file)]
    image.line = [image.file]


@refuse("8.1", base=bare_child)
def chain_cycle(image):
    """Two images that are each other's parent."""
    other = image.parent
    other.parent = Image(image.name + "-none", 8 * MIB)
    other.locator = other.default_locator()
    other.locator.pairs = [("parent_linkage", braced(image.data_write)),
                           ("relative_path", ".\\" + image.file)]
    image.line = [other.file, image.file]


@refuse("8.1", base=lambda name: deep(name, 256))
def chain_too_deep(image):
    """257 images, one more than is followed."""
    assert len(image.ancestors()) == 256


@tolerate("8.1", base=lambda name: deep(name, 255))
def chain_deepest(image):
    """256 images, as many as are followed."""
    assert len(image.ancestors()) == 255


def deep(name, parents):
    """A chain; the files of the two cases are their own."""
    image = Image(name + "-base", MIB, block_size=MIB)
    image.write(0, MIB, Stamp(1))
    for level in range(parents - 1, -1, -1):
        image = Image(name + (f"-{level}" if level else ""), MIB,
                      block_size=MIB, parent=image)
    return image.write(4096, 4096, Stamp(2))


@refuse("8.1", base=child)
def chain_parent_raw(image):
    """Where the parent should be lies a raw disk."""
    stray(image, Foreign("raw", [(510, b"\x55\xaa")], 8 * MIB))


@refuse("8.1", base=child)
def chain_parent_empty(image):
    """Where the parent should be lies an empty file."""
    stray(image, Foreign("empty", []))


@refuse("8.1", base=child)
def chain_parent_corrupt(image):
    """The parent's headers are both torn."""
    image.parent.prepare()
    for header in image.parent.headers:
        header.checksum = 0


@refuse("8.1", base=child)
def chain_parent_truncated(image):
    """The parent was cut inside its metadata region."""
    parent = image.parent.prepare()
    parent.cut = parent.meta_offset + 70000
