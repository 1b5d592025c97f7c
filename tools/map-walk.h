/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk over the blocks or sectors of a virtual disk, for `map`.
 *
 * map-walk.c APIs:
 *   map_walk()		visit every piece of the disk in order
 *   piece_has_data()	test whether a piece is stored in a file
 *   piece_state()	convert its state to words
 */
#ifndef MAP_WALK_H
#define MAP_WALK_H

#include "open.h"
#include "progress.h"

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
 * struct map_visitor - receives the pieces of a walk
 * @visit: called for each piece in order; nonzero ends the walk
 */
struct map_visitor {
	int (*visit)(struct map_visitor *visitor, const struct piece *piece);
};

/**
 * enum map_unit - unit of a walk
 * @MAP_BLOCKS: a piece lies within one block of each layer
 * @MAP_SECTORS: a piece is a run of sectors, also in partially present blocks
 */
enum map_unit {
	MAP_BLOCKS,
	MAP_SECTORS,
};

int map_walk(struct disk *disk, enum map_unit unit, struct progress *progress,
	     struct map_visitor *visitor);
bool piece_has_data(const struct piece *piece);
const char *piece_state(const struct piece *piece);

#endif /* MAP_WALK_H */
