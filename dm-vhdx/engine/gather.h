/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gathering: what is wrong with blocks that follow each other is told once,
 * for all of them.
 *
 * A file that was cut short has a faulty BAT entry for each block that it lost,
 * a million of them in 32 TiB. Blocks that follow each other and have the same
 * wrong make a streak, which costs the same memory however long it is.
 *
 * gather.c APIs:
 *   vhdx_gather_init()	begin with nothing gathered
 *   vhdx_gather_add()	one entry has something wrong
 *   vhdx_gather_end()	tell what has not been told
 */
#ifndef VHDX_GATHER_H
#define VHDX_GATHER_H

#include "bat.h"

/**
 * enum vhdx_wrong - what can be wrong with an entry, besides an overlap
 * @VHDX_WRONG_FAULT: it cannot be used: see enum vhdx_fault
 * @VHDX_WRONG_BITMAP: it needs a sector bitmap that is absent
 * @VHDX_WRONG_RESERVED: reserved bits are set
 * @VHDX_WRONG_PARTIAL: the image has no parent to be partially present over
 * @VHDX_WRONG_SHORT: the last block's tail, past the disk's end, is not there
 * @VHDX_WRONG_KEEPS_BEYOND: it holds no data, and keeps space past the file's end
 * @VHDX_WRONG_KEEPS_TAKEN: likewise, space of something that has a fixed place
 * @VHDX_WRONG_ZERO: it holds zeros, and names an offset
 * @VHDX_WRONGS: how many there are
 */
enum vhdx_wrong {
	VHDX_WRONG_FAULT,
	VHDX_WRONG_BITMAP,
	VHDX_WRONG_RESERVED,
	VHDX_WRONG_PARTIAL,
	VHDX_WRONG_SHORT,
	VHDX_WRONG_KEEPS_BEYOND,
	VHDX_WRONG_KEEPS_TAKEN,
	VHDX_WRONG_ZERO,
	VHDX_WRONGS,
};

/**
 * struct vhdx_streak - blocks that follow each other and have the same wrong
 * @payload: payload blocks; otherwise sector bitmap blocks, that is, chunks
 * @state: of the blocks
 * @fault: for VHDX_WRONG_FAULT
 * @first: number of the first one
 * @count: how many; 0 for no streak
 * @low: the lowest offset that an entry names
 * @high: the highest one
 * @bits: all reserved bits that are set
 */
struct vhdx_streak {
	bool payload;
	enum vhdx_block_state state;
	enum vhdx_fault fault;
	u64 first;
	u64 count;
	u64 low;
	u64 high;
	u64 bits;
};

/**
 * struct vhdx_gather - what has been found and not been told
 * @bat: whose entries
 * @limits: what they must respect
 * @report: who will be told
 * @streak: one for each thing that can be wrong
 */
struct vhdx_gather {
	const struct vhdx_bat *bat;
	const struct vhdx_bat_limits *limits;
	struct vhdx_report *report;
	struct vhdx_streak streak[VHDX_WRONGS];
};

void vhdx_gather_init(struct vhdx_gather *gather, const struct vhdx_bat *bat,
		      const struct vhdx_bat_limits *limits,
		      struct vhdx_report *report);
void vhdx_gather_add(struct vhdx_gather *gather, enum vhdx_wrong wrong,
		     u64 index, u64 entry, enum vhdx_fault fault);
void vhdx_gather_end(struct vhdx_gather *gather);

#endif /* VHDX_GATHER_H */
