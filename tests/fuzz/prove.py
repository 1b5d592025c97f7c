#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""prove.py [--seconds N] [NAME...]: does the fuzzer find what it should?

Breaks a copy of the engine in one place at a time and fuzzes it for up to N
seconds (120) each, from the seeds of good and real images only: the malformed
ones would show it at once.  Says of each what was found and how soon.  The
engine as it is comes first: nothing is to be found in that one.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gen"))
from tap import Tap             # noqa: E402

ENGINE = os.environ.get("ENGINE") or \
    os.path.join(HERE, "..", "..", "dm-vhdx", "engine")

# name: (file, what is there, what is put in its place)
BREAKS = {
    "header-older-copy": (
        "header.c", "copy[1].sequence > copy[0].sequence",
        "copy[1].sequence < copy[0].sequence"),
    "region-count": (
        "region.c", "le32_to_cpu(disk->entry_count) > VHDX_TABLE_ENTRIES_MAX)",
        "le32_to_cpu(disk->entry_count) > 1U << 20)"),
    "region-overlap": (
        "region.c", "all[i - 1].offset + all[i - 1].length > all[i].offset",
        "all[i - 1].offset > all[i].offset"),
    "metadata-overlap": (
        "metadata.c",
        "items[i - 1].offset + items[i - 1].length > items[i].offset",
        "items[i - 1].offset > items[i].offset"),
    "metadata-item-place": (
        "metadata.c", "(u64)item->offset + item->length > region_length",
        "item->offset > region_length"),
    "locator-bounds": (
        "locator.c", "|| (u64)pos + length > d->length", ""),
    "locator-utf8-room": ("locator.c", "3 * units + 1", "2 * units + 1"),
    "locator-leak": (
        "locator.c", "kvfree(key);\n\t\treturn PTR_ERR(value);",
        "return PTR_ERR(value);"),
    "log-descriptor-count": (
        "log-entry.c",
        "described + walk->data != pages", "described > pages"),
    "log-tail": (
        "log.c", "catalogue_at(cat, head->tail);\n\tconst struct "
        "vhdx_log_entry *entry = head;",
        "head;\n\tconst struct vhdx_log_entry *entry = head;"),
    "log-flushed": (
        "log.c", "file_size < head->flushed_file_offset", "false"),
    "replay-trailing-bytes": (
        "replay.c", "page + VHDX_PAGE - VHDX_LOG_TRAILING",
        "page + VHDX_PAGE - 2 * VHDX_LOG_TRAILING"),
    "flatten-older": (
        "flatten.c", "sweep->heap[(at - 1) / 2] < number",
        "sweep->heap[(at - 1) / 2] > number"),
    "chain-cut": (
        "chain.c", "if (run->offset + sector > known)", "if (0)"),
    "replay-wrap": ("replay.c", "data % reader->pages", "data"),
    "bat-index": (
        "bat.h", "return block + (block >> bat->ratio_shift);",
        "return block + (block >> (bat->ratio_shift + 1));"),
    "bat-space": (
        "bat.c", "vhdx_regions_hit(limits->regions, offset, length)",
        "vhdx_regions_hit(limits->regions, offset, 1)"),
    "bitmap-run": (
        "bitmap.c", "min_t(u64, first + (len >> bat->sector_shift), bits)",
        "first + (len >> bat->sector_shift)"),
    "map-parent-size": (
        "chain.c", "run->length = min(run->length, image->bat.size - pos);",
        ""),
    "map-zero-shows-parent": (
        "chain.c", "default:\n\t\t*where = NOWHERE;",
        "default:\n\t\t*where = bat->differencing ? BELOW : NOWHERE;"),
    "map-end-of-file": (
        "chain.c", "ALIGN_DOWN(size - run->offset, sector)", "run->length"),
    "pages-evicted": (
        "pages.c", "RCU_INIT_POINTER(leaf->page[page->index & "
        "(VHDX_LEAF_PAGES - 1)], NULL);", ""),
    "check-overlap": (
        "check.c", "return offset < size && vhdx_space_take(",
        "return offset + VHDX_MIB < size && vhdx_space_take("),
    "space-longest": (
        "space.h", "(VHDX_FILE_SIZE_MAX >> (VHDX_ALIGN_SHIFT",
        "(VHDX_SPACE_MAX >> (VHDX_ALIGN_SHIFT"),
    "recover-last": (
        "recover.c", "i < replay->count && !r; i++",
        "i + 1 < replay->count && !r; i++"),
    "recover-zeros": (
        "recover.c",
        "return min(patch->length, size - patch->target);",
        "return VHDX_PAGE;"),
    "recover-extend": (
        "recover.c", "if (size <= image->store->size)", "if (size)"),
    "repair-other-copy": (
        "repair.c", "tables + image->region_copy * VHDX_TABLE_SIZE",
        "tables + !image->region_copy * VHDX_TABLE_SIZE"),
    "survey-regions": (
        "session-survey.c", "i < regions->count && !r", "i < 0"),
    "reuse-unzeroed": (
        "session-space.c", "return store->ops->zero(store, *offset, size);",
        "return 0;"),
    "trim-too-far": (
        "session-space.c", "\tend = session->last_end;",
        "\tend = session->last_end - VHDX_MIB;"),
    "checkpoint-nothing": (
        "journal.c", "r = vhdx_store_write(journal->store, page->pos, "
        "journal->buffer,\n\t\t\t\t     VHDX_PAGE);", "r = 0;"),
}


def broken(directory, base, name):
    """A build folder with one break; raises if its place has changed."""
    file, old, new = BREAKS[name]
    engine = os.path.join(directory, "engine")
    shutil.copytree(os.path.join(base, "engine"), engine)
    path = os.path.join(engine, file)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if text.count(old) != 1:
        raise ValueError(f"{file} has {text.count(old)} times: {old}")
    with open(path, "w", encoding="utf-8") as source:
        source.write(text.replace(old, new))
    shutil.copytree(os.path.join(base, "out"), os.path.join(directory, "out"))
    build(directory)
    return os.path.join(directory, "out", "fuzz")


def build(directory):
    """Build the target with the engine in directory; old times are kept."""
    done = subprocess.run(
        ["make", "-s", "-C", HERE, "-j2",
         "ENGINE=" + os.path.join(directory, "engine"),
         "OUT=" + os.path.join(directory, "out")],
        capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)


def what_was_found(log):
    for pattern in (r"invariant broken: (.*)", r"AddressSanitizer: (\S+)",
                    r"runtime error: (.*)", r"libFuzzer: (\S+)"):
        match = re.search(pattern, log)
        if match:
            return match.group(1)[:100]
    return "died, silently"


def inputs_run(log):
    counts = [int(n) for n in re.findall(r"^#(\d+)\t", log, re.M)]
    return max(counts, default=0)


def hunt(target, directory, seeds, seconds):
    """Fuzz; (what was found or None, seconds, inputs run)."""
    corpus = os.path.join(directory, "corpus")
    os.mkdir(corpus)
    start = time.monotonic()
    done = subprocess.run(
        [target, "-max_len=65536", "-timeout=25", "-seed=1",
         f"-max_total_time={seconds}", "-print_final_stats=1",
         f"-artifact_prefix={directory}/",
         "-dict=" + os.path.join(HERE, "vhdx.dict"), corpus, seeds],
        capture_output=True, check=False)
    log = done.stderr.decode(errors="replace")
    found = what_was_found(log) if done.returncode else None
    return found, time.monotonic() - start, inputs_run(log)


def good_seeds(directory):
    """The seeds but for those of malformed images."""
    path = subprocess.run(
        ["bash", "-c", f". '{HERE}/lib.sh'; fuzz_seeds"], check=True,
        capture_output=True, text=True).stdout.strip()
    seeds = os.path.join(directory, "seeds")
    os.mkdir(seeds)
    for file in glob.glob(os.path.join(path, "*")):
        if not os.path.basename(file).startswith("evil-"):
            shutil.copy(file, seeds)
    return seeds


def prove(tap, names, seconds, base):
    seeds = good_seeds(base)
    shutil.copytree(ENGINE, os.path.join(base, "engine"))
    os.mkdir(os.path.join(base, "out"))
    build(base)
    found, _, inputs = hunt(os.path.join(base, "out", "fuzz"), base, seeds,
                            seconds)
    tap.ok(not found, f"as it is: {found or 'nothing'}, {inputs} inputs")
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            try:
                target = broken(directory, base, name)
            except ValueError as why:
                tap.ok(False, name, why)
                continue
            found, took, inputs = hunt(target, directory, seeds, seconds)
            tap.ok(found, f"{name}: {found or 'nothing'}, "
                   f"{took:.0f} s, {inputs} inputs")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    tap = Tap()
    with tempfile.TemporaryDirectory() as base:
        prove(tap, args.names or list(BREAKS), args.seconds, base)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
