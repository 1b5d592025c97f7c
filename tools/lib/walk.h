/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk over the blocks or sectors of a virtual disk.
 *
 * walk.c APIs:
 *   walk_range()		visit the pieces of a range in order
 *   piece_has_data()	test whether a piece is stored in a file
 *   piece_state()	convert its state to words
 */
#ifndef WALK_H
#define WALK_H

#include "check.h"
#include "open.h"

/*
 * A BAT entry that failed its checks. The numbers follow the format's states.
 */
#define STATE_FAULTY	8
/* States of runs of sectors: */
#define STATE_DATA	9
#define STATE_LOGGED	10
#define STATE_NO_DATA	11

/**
 * struct piece - a range of the virtual disk with one state and place
 * @pos: byte offset on the virtual disk
 * @length: bytes
 * @state: enum vhdx_block_state, or STATE_*
 * @layer: the image whose BAT decides, 0 for the child
 * @offset: byte offset in that image's file, if it has data there
 */
struct piece {
	u64 pos;
	u64 length;
	unsigned int state;
	u32 layer;
	u64 offset;
};

/**
 * struct walk_visitor - receives the pieces of a walk
 * @visit: called for each piece in order; nonzero ends the walk
 */
struct walk_visitor {
	int (*visit)(struct walk_visitor *visitor, const struct piece *piece);
};

/**
 * enum walk_unit - unit of a walk
 * @WALK_BLOCKS: a piece lies within one block of each layer
 * @WALK_SECTORS: a piece is a run of sectors, also in partially present blocks
 */
enum walk_unit {
	WALK_BLOCKS,
	WALK_SECTORS,
};

/**
 * struct walk - how to walk
 * @unit: unit of the walk
 * @pos: byte offset on the virtual disk, sector-aligned
 * @length: bytes, sector-aligned; ends inside the disk
 * @progress: told of the walk, and may stop it; NULL for none
 */
struct walk {
	enum walk_unit unit;
	u64 pos;
	u64 length;
	struct vhdx_progress *progress;
};

int walk_range(struct disk *disk, const struct walk *walk,
	       struct walk_visitor *visitor);
bool piece_has_data(const struct piece *piece);
const char *piece_state(const struct piece *piece);

#endif /* WALK_H */
