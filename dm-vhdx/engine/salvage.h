/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Salvage: read a damaged image. Each structure that an image cannot be opened
 * without is taken from its sound copy, searched for, or made up. Every guess
 * is reported.
 *
 * The result is a mended store, see mend.h. vhdx_image_open() opens it like any
 * image, with an empty log: what the log changes is in the store already.
 *
 * The damaged image is not trusted in anything. What it says bounds neither
 * loops nor memory, except for the size of its BAT, which is read in pages, and
 * the length of the file, which is searched through.
 *
 * salvage.c APIs:
 *   vhdx_salvage_begin()	mend what keeps an image from being opened
 *   vhdx_salvage_end()
 *   vhdx_salvage_why()		why a part of a layer's disk cannot be read
 *   vhdx_lost_words()		a reason in words
 * salvage-tables.c APIs:
 *   vhdx_salvage_headers()	choose or make up the header
 *   vhdx_salvage_regions()	choose or make up the region table
 * salvage-disk.c APIs:
 *   vhdx_salvage_disk()	read or make up the properties of the disk
 */
#ifndef VHDX_SALVAGE_H
#define VHDX_SALVAGE_H

#include "check.h"
#include "layout.h"
#include "mend.h"

/**
 * struct vhdx_salvage_hints - what the user knows about a damaged image
 * @size: bytes of the virtual disk; 0 if not known
 * @block_size: bytes; 0 if not known
 * @logical_sector: bytes; 0 if not known
 * @no_log: read the disk as it was before the changes in the log
 */
struct vhdx_salvage_hints {
	u64 size;
	u32 block_size;
	u32 logical_sector;
	bool no_log;
};

/**
 * struct vhdx_salvage - an image that is being mended
 * @mend: the mended store
 * @hints: what the user knows
 * @progress: called during a search, or NULL
 * @report: receives what was guessed, as warnings
 * @header: the header in use
 * @log: the log's active sequence; empty if it is not used
 * @replay: the changes that the log makes
 * @layout: places of BAT and metadata; an offset is 0 while it is not known.
 *	The @params of the disk.
 * @fork: the parent locator of an image whose metadata was made up
 * @known: number of structures that only a VHDX image has
 * @losers: indexes of BAT entries that name the space of another block
 * @loser_count: number of losers
 * @contested: a bit for each MiB of the file that several entries name, if they
 *	were too many to be compared; or NULL
 * @contested_units: number of those bits
 * @contested_from: entries from this index on that name such a MiB are losers,
 *	too
 * @moved: QEMU has moved BAT entries up by one
 * @orphans: with @moved: the file has space for blocks that no entry names
 * @tables_bad: the region tables must be replaced
 * @metadata_bad: the metadata must be replaced
 *
 * salvage-claims.h says what the losers are.
 */
struct vhdx_salvage {
	struct vhdx_mend mend;
	struct vhdx_salvage_hints hints;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
	struct vhdx_header header;
	struct vhdx_log log;
	struct vhdx_replay replay;
	struct vhdx_layout layout;
	struct vhdx_fork fork;
	u32 known;
	u64 *losers;
	u32 loser_count;
	unsigned long *contested;
	u64 contested_units;
	u64 contested_from;
	bool moved;
	bool orphans;
	bool tables_bad;
	bool metadata_bad;
};

int vhdx_salvage_begin(struct vhdx_salvage *salvage, struct vhdx_store *store,
		       const struct vhdx_salvage_hints *hints,
		       struct vhdx_progress *progress,
		       struct vhdx_report *report);
void vhdx_salvage_end(struct vhdx_salvage *salvage);
enum vhdx_lost vhdx_salvage_why(struct vhdx_image *image, u64 size, u64 pos);
const char *vhdx_lost_words(enum vhdx_lost lost);

int vhdx_salvage_headers(struct vhdx_salvage *salvage);
int vhdx_salvage_regions(struct vhdx_salvage *salvage);
int vhdx_salvage_disk(struct vhdx_salvage *salvage);

#endif /* VHDX_SALVAGE_H */
