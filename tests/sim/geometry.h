/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The images that runs begin with: small ones of every sort, so that
 * everything there is to happen happens soon.
 *
 * geometry.c APIs:
 *   geometry_choose()	what an image looks like, from a seed
 *   geometry_make()	the image, and what it shows
 *   geometry_enlarge()	a disk that nearly fills its BAT region
 *   geometry_chunk()	blocks of a chunk
 *   geometry_print()	in words
 */
#ifndef SIM_GEOMETRY_H
#define SIM_GEOMETRY_H

#include "model.h"
#include "pages.h"
#include "parent.h"
#include "random.h"

/* Payload that is there from the start has tags from here on. */
#define TAG_INITIAL 0x80000000U

/* Which images have a parent. */
enum parents {
	PARENTS_SOME,
	PARENTS_NONE,
	PARENTS_ALL,
};

/* Which images change their shape. */
enum shapes {
	SHAPES_NONE,
	SHAPES_ALL,
	SHAPES_HUGE,	/* all, and each soon needs a longer BAT region */
};

/**
 * struct geometry - what an image looks like
 * @seed: for what lies where
 * @size: bytes of the virtual disk
 * @block_shift: log2 of the block size
 * @sector: bytes of a logical sector
 * @pool_pages: how many pages of the BAT may be in memory
 * @device: on a block device, of fixed length and full of junk
 * @room: MiB that the store may have more than the image needs at first
 * @leave: LeaveBlockAllocated
 * @filled: percent of the blocks that are present
 * @anchors: percent of the others that kept an offset
 * @odd: sectors that the file is longer than a multiple of 1 MiB
 * @bat_first: the BAT comes before the log
 * @log: MiB of the log
 * @child: it has a parent
 * @partial: percent of the blocks that are partially present, of those that are
 *	not present
 * @parent_size: bytes of the parent's virtual disk
 * @parent_shift: log2 of the parent's block size
 * @parent_filled: percent of the parent's blocks that are present
 * @gap: MiB of nobody's between the log and what follows it
 * @huge: few more blocks, and the BAT region is too short; only some have data
 */
struct geometry {
	u64 seed;
	u64 size;
	u32 block_shift;
	u32 sector;
	u32 pool_pages;
	bool device;
	u32 room;
	bool leave;
	u32 filled;
	u32 anchors;
	u32 odd;
	bool bat_first;
	u32 log;
	bool child;
	u32 partial;
	u64 parent_size;
	u32 parent_shift;
	u32 parent_filled;
	u32 gap;
	bool huge;
};

/**
 * struct made - where in the image what is
 * @limit: bytes that the store may have; 0 for a device
 * @bat: byte offset of the BAT region
 * @bat_length: bytes
 * @parent: the parent
 */
struct made {
	u64 limit;
	u64 bat;
	u64 bat_length;
	struct parent parent;
};

void geometry_choose(struct geometry *geometry, struct random *random,
		     bool many, enum parents parents);
void geometry_enlarge(struct geometry *geometry, struct random *random);
void geometry_make(const struct geometry *geometry, struct disk *disk,
		   struct model *model, struct made *made);
u64 geometry_chunk(const struct geometry *geometry);
void geometry_print(const struct geometry *geometry);

#endif /* SIM_GEOMETRY_H */
