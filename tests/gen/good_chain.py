# SPDX-License-Identifier: GPL-2.0-only
"""Good differencing images: chains, sector bitmaps, locators."""
from content import Byte, Stamp
from good_base import LIBVHDI, good, scribble
import ondisk
from ondisk import (GIB, KIB, MIB, NOT_PRESENT, TIB, UNDEFINED,
                    UNMAPPED, ZERO)
from vhdx import Image

LINKAGE, LINKAGE2 = "parent_linkage", "parent_linkage2"


def base(name, size=8 * MIB, **knobs):
    """A parent with data in every block, so that what shows is seen."""
    image = Image(name + "-base", size, **knobs)
    return image.write(0, size, Stamp(100))


def attested(name, lss):
    """The content that Windows itself attested, see the images' README."""
    parent = Image(name + "-base", 4 * MIB, lss=lss).write(0, 4 * MIB,
                                                           Byte(7))
    child = Image(name, 4 * MIB, lss=lss, parent=parent)
    child.write(8192, lss, Byte(11))
    child.write(1056768, lss, Byte(13))
    return child.write(3153920, lss, Byte(17))


@good((LIBVHDI,))
def attested_512():
    """A 4 MiB base of sevens and a child with three single sectors."""
    return attested("attested-512", 512)


@good((LIBVHDI,))
def attested_4096():
    """The same with 4096-byte sectors."""
    return attested("attested-4096", 4096)


@good(())
def child_empty():
    """A fresh child: all is the parent's."""
    return Image("child-empty", 8 * MIB, parent=base("child-empty"))


@good((LIBVHDI,))
def child_of_fixed():
    """A child of a fixed image, with whole and partial blocks."""
    return scribble(Image("child-of-fixed", 8 * MIB,
                          parent=base("child-of-fixed", fixed=True)))


@good((LIBVHDI,))
def child_alternating():
    """Every second sector is the child's, all over a block."""
    child = Image("child-alternating", 8 * MIB,
                  parent=base("child-alternating"))
    for sector in range(0, 4096, 2):
        child.write(2 * MIB + sector * 512, 512, Stamp(1))
    return child


@good((LIBVHDI,))
def child_runs():
    """Long runs, borders off byte, page and block bounds of the bitmap."""
    child = Image("child-runs", 40 * MIB, block_size=MIB,
                  parent=base("child-runs", 40 * MIB))
    for start, count in ((1, 6), (15, 1), (17, 1000), (2047, 2),
                         (3 * 2048 + 5, 2048), (7 * 2048, 2048),
                         (15 * 2048 + 2040, 40), (20 * 2048 + 9, 14 * 2048)):
        child.write(start * 512, count * 512, Stamp(1))
    return child


@good((LIBVHDI,))
def child_4096():
    """Partial blocks of 4096-byte sectors, runs and single ones."""
    child = Image("child-4096", 8 * MIB, lss=4096,
                  parent=base("child-4096", lss=4096))
    for sector in (0, 1, 3, 5, 7, 8, 511, 512, 600, 1535):
        child.write(sector * 4096, 4096, Stamp(1))
    return child.write(5 * MIB, MIB + 4096, Stamp(1))


@good(())
def child_states():
    """Every block state in a child: only 0 and 7 show the parent."""
    child = Image("child-states", 20 * MIB,
                  parent=base("child-states", 20 * MIB))
    for block, state in enumerate((NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED)):
        child.set_state(block, state)
    child.write(8 * MIB, 2 * MIB, Stamp(1))
    child.write(10 * MIB + 4096, 8192, Stamp(1))
    child.write(12 * MIB, 2 * MIB, Stamp(1))
    child.set_state(6, UNMAPPED, anchor=True)
    child.write(14 * MIB, 2 * MIB, Stamp(1))
    child.set_state(7, UNDEFINED, anchor=True)
    child.set_state(8, ZERO)
    return child.write(16 * MIB + 512, 512, Stamp(2))


@good(())
def child_stale_bits():
    """Bits are set for blocks in states that do not consult them."""
    child = Image("child-stale-bits", 16 * MIB,
                  parent=base("child-stale-bits", 16 * MIB))
    for block, state in enumerate((NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED)):
        child.set_state(block, state)
    child.stale_bits = {0, 1, 2, 3, 6}
    child.write(8 * MIB, 4096, Stamp(1))
    return child.write(10 * MIB, 2 * MIB, Stamp(1))


@good((LIBVHDI,))
def child_bits_clear():
    """Fully present blocks whose bits are all clear."""
    child = Image("child-bits-clear", 8 * MIB,
                  parent=base("child-bits-clear"))
    child.write(0, 4 * MIB, Stamp(1))
    return child.write(4 * MIB, 512, Stamp(2))


@good((LIBVHDI,))
def child_zero_sectors():
    """Sectors of zeros that are the child's hide the parent's data."""
    child = Image("child-zero-sectors", 4 * MIB,
                  parent=base("child-zero-sectors", 4 * MIB))
    return child.write(64 * KIB, 64 * KIB, Byte(0))


@good((LIBVHDI,))
def child_two_chunks():
    """A sector bitmap for each of two chunks, their blocks shuffled."""
    size = 4 * GIB + 6 * MIB
    parent = Image("child-two-chunks-base", size, block_size=32 * MIB)
    parent.write(4 * GIB - MIB, 2 * MIB, Stamp(100))
    child = Image("child-two-chunks", size, block_size=MIB, parent=parent,
                  placement="shuffled", bitmap_place="last")
    child.write(0, 512, Stamp(1))
    child.write(4 * GIB - 1024, 1024, Stamp(1))
    return child.write(4 * GIB + 512, 4096, Stamp(1))


@good((LIBVHDI,))
def child_256m():
    """Blocks of 256 MiB, partial, in a disk of 300 MiB."""
    child = Image("child-256m", 300 * MIB, block_size=256 * MIB,
                  bitmap_place="first",
                  parent=Image("child-256m-base", 300 * MIB).write(
                      255 * MIB, 2 * MIB, Stamp(100)))
    return child.write(255 * MIB + 512, 2 * MIB - 1024, Stamp(1))


@good((LIBVHDI,))
def chain_three():
    """Three layers, each with sectors of its own in the same block."""
    lower = base("chain-three")
    middle = Image("chain-three-middle", 8 * MIB, parent=lower)
    middle.write(64 * KIB, 64 * KIB, Stamp(10))
    middle.write(4 * MIB, 3 * MIB, Stamp(10))
    child = Image("chain-three", 8 * MIB, parent=middle)
    child.write(96 * KIB, 64 * KIB, Stamp(1))
    return child.write(5 * MIB, 512, Stamp(1))


@good((LIBVHDI,))
def chain_three_blocks():
    """Three layers with blocks of 1, 32 and 2 MiB."""
    lower = base("chain-three-blocks", 40 * MIB, block_size=2 * MIB)
    middle = Image("chain-three-blocks-middle", 40 * MIB,
                   block_size=32 * MIB, parent=lower)
    middle.write(31 * MIB, 2 * MIB, Stamp(10))
    child = Image("chain-three-blocks", 40 * MIB, block_size=MIB,
                  parent=middle)
    child.write(30 * MIB + 512, 2 * MIB, Stamp(1))
    return child.write(39 * MIB, 4096, Stamp(1))


@good(())
def chain_three_sizes():
    """Each layer larger than its parent: zeros past a parent's end."""
    lower = base("chain-three-sizes", 3 * MIB + 512)
    middle = Image("chain-three-sizes-middle", 7 * MIB, parent=lower)
    middle.write(5 * MIB, 64 * KIB, Stamp(10))
    child = Image("chain-three-sizes", 20 * MIB, block_size=8 * MIB,
                  parent=middle)
    child.write(3 * MIB, 512, Stamp(1))
    return child.write(18 * MIB, 4096, Stamp(1))


@good((LIBVHDI,))
def parent_larger():
    """A child smaller than its parent, ending inside a block."""
    child = Image("parent-larger", 5 * MIB + 512,
                  parent=base("parent-larger", 16 * MIB))
    return child.write(MIB, 64 * KIB, Stamp(1))


@good(())
def parent_shrunk_away():
    """The middle layer is the smallest: what the base holds past its end
    does not show through."""
    lower = base("parent-shrunk-away", 8 * MIB)
    middle = Image("parent-shrunk-away-middle", 3 * MIB, parent=lower)
    child = Image("parent-shrunk-away", 8 * MIB, parent=middle)
    return child.write(7 * MIB, 512, Stamp(1))


@good((LIBVHDI,))
def chain_sixteen():
    """Sixteen layers, each with one sector of its own."""
    image = base("chain-sixteen", 4 * MIB)
    for level in range(15, 0, -1):
        name = "chain-sixteen" + (f"-{level}" if level > 1 else "")
        image = Image(name, 4 * MIB, parent=image)
        image.write(level * 8192, 4096, Stamp(level))
    return image


@good(())
def huge_child():
    """A 64 TiB child of 1 MiB blocks over a 64 TiB parent."""
    parent = Image("huge-child-base", 64 * TIB, block_size=32 * MIB)
    parent.write(0, MIB, Stamp(100))
    parent.write(64 * TIB - MIB, MIB, Stamp(100))
    child = Image("huge-child", 64 * TIB, block_size=MIB, parent=parent)
    child.write(4096, 4096, Stamp(1))
    child.write(33 * TIB + 512, 1024, Stamp(1))
    return child.write(64 * TIB - 4096, 4096, Stamp(1))


# --- locators -------------------------------------------------------------

def linked(name, *pairs, size=4 * MIB, **parent):
    """A child whose locator has the given pairs, values possibly made
    from the parent: (key, function of the parent's image)."""
    child = Image(name, size, parent=base(name, size, **parent))
    child.locator.pairs = [(key, value(child.parent) if callable(value)
                            else value) for key, value in pairs]
    return child.write(64 * KIB, 4096, Stamp(1))


def linkage(parent):
    return ondisk.braced(parent.data_write)


@good(())
def locator_upper_case():
    """The linkage in capitals, as the specification's own example."""
    return linked("locator-upper-case",
                  (LINKAGE, lambda p: linkage(p).upper()),
                  ("relative_path", ".\\locator-upper-case-base.vhdx"))


@good((LIBVHDI,))
def locator_hyper_v():
    """Hyper-V's: a linkage2 of zeros, a path without prefix, the relative
    path last."""
    return linked("locator-hyper-v", (LINKAGE, linkage),
                  (LINKAGE2, ondisk.braced(ondisk.NIL)),
                  ("absolute_win32_path",
                   "C:\\VMs\\locator-hyper-v-base.vhdx"),
                  ("volume_path", "\\\\?\\Volume{%s}\\VMs\\"
                   "locator-hyper-v-base.vhdx" % ondisk.guid("volume")),
                  ("relative_path", ".\\locator-hyper-v-base.vhdx"))


@good(())
def locator_linkage2():
    """In the middle of a merge: only linkage2 names the parent."""
    return linked("locator-linkage2",
                  (LINKAGE, ondisk.braced(ondisk.guid("before the merge"))),
                  (LINKAGE2, linkage),
                  ("relative_path", ".\\locator-linkage2-base.vhdx"))


@good((LIBVHDI,))
def locator_stale_relative():
    """The relative path leads nowhere; the absolute path's file name lies
    beside the child."""
    return linked("locator-stale-relative", (LINKAGE, linkage),
                  ("relative_path", "..\\moved\\away.vhdx"),
                  ("absolute_win32_path",
                   "\\\\?\\D:\\old\\locator-stale-relative-base.vhdx"))


@good((LIBVHDI,))
def locator_volume_only():
    """Only a volume path; its file name lies beside the child."""
    return linked("locator-volume-only", (LINKAGE, linkage),
                  ("volume_path", "\\\\?\\Volume{%s}\\"
                   "locator-volume-only-base.vhdx" % ondisk.guid("volume")))


@good((LIBVHDI,))
def locator_no_dot():
    """A relative path without the leading dot."""
    return linked("locator-no-dot", (LINKAGE, linkage),
                  ("relative_path", "locator-no-dot-base.vhdx"))


@good((LIBVHDI,))
def locator_other_case():
    """A path that differs from the file's name in case, which Windows does
    not tell apart."""
    return linked("locator-other-case", (LINKAGE, linkage),
                  ("relative_path", ".\\Locator-Other-Case-BASE.VHDX"))


@good((LIBVHDI,))
def locator_unknown_key():
    """A key that no one knows, among the known ones."""
    return linked("locator-unknown-key", ("colour", "blue"),
                  (LINKAGE, linkage),
                  ("relative_path", ".\\locator-unknown-key-base.vhdx"))


@good((LIBVHDI,))
def locator_unicode():
    """A parent with a name beyond ASCII, and beyond the BMP."""
    return linked("locator-unicode", (LINKAGE, linkage),
                  ("relative_path", ".\\Größe-\U0001f4be.vhdx"),
                  file="Größe-\U0001f4be.vhdx")


@good((LIBVHDI,))
def locator_directories():
    """Child and parent in directories of their own: ..\\ in the path."""
    parent = base("locator-directories", directory="lower")
    child = Image("locator-directories", 8 * MIB, directory="upper",
                  parent=parent)
    return child.write(64 * KIB, 4096, Stamp(1))


@good((LIBVHDI,))
def checkpoint_avhdx():
    """An .avhdx, Hyper-V's name for a checkpoint's differencing image."""
    child = Image("checkpoint-avhdx", 8 * MIB, file="checkpoint.avhdx",
                  parent=base("checkpoint-avhdx"))
    return child.write(64 * KIB, 4096, Stamp(1))


@good((LIBVHDI,))
def parent_newer_header():
    """The parent's stale header copy has another DataWriteGuid; only the
    current one counts."""
    child = Image("parent-newer-header", 8 * MIB,
                  parent=base("parent-newer-header"))
    child.parent.prepare()
    child.parent.headers[0].data_write = ondisk.guid("before")
    return child.write(64 * KIB, 4096, Stamp(1))


