/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gathering: report adjacent blocks that have the same fault in one finding.
 *
 * A truncated file has a faulty BAT entry for each block that it lost: a
 * million of them in 32 TiB. Adjacent blocks with the same fault form a streak,
 * which takes the same memory however long it is.
 *
 * gather.c APIs:
 *   vhdx_gather_init()	start with no streaks
 *   vhdx_gather_add()	add one entry's fault
 *   vhdx_gather_end()	report the remaining streaks
 */
#ifndef VHDX_GATHER_H
#define VHDX_GATHER_H

#include "bat.h"

/**
 * enum vhdx_wrong - faults of an entry, besides overlaps
 * @VHDX_WRONG_FAULT: it is unusable: see enum vhdx_fault
 * @VHDX_WRONG_BITMAP: it needs a sector bitmap that is absent
 * @VHDX_WRONG_RESERVED: reserved bits are set
 * @VHDX_WRONG_PARTIAL: it is partially present, but the image has no parent
 * @VHDX_WRONG_SHORT: the file lacks the last block's tail past the disk's end
 * @VHDX_WRONG_KEEPS_BEYOND: it has no data, but keeps space past the file's end
 * @VHDX_WRONG_KEEPS_TAKEN: it has no data, but keeps space that overlaps a
 *	structure at a fixed place
 * @VHDX_WRONG_ZERO: it is a ZERO block, but names an offset
 * @VHDX_WRONGS: number of kinds
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
 * struct vhdx_streak - adjacent blocks with the same fault
 * @payload: true for payload blocks; false for sector bitmap blocks, counted by
 *	chunk
 * @state: state of the blocks
 * @fault: the fault, for VHDX_WRONG_FAULT
 * @first: number of the first one
 * @count: number of blocks; 0 if there is no streak
 * @low: lowest offset that an entry names
 * @high: highest offset that an entry names
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
 * struct vhdx_gather - streaks that have not been reported yet
 * @bat: geometry of the BAT
 * @limits: limits that the entries must respect
 * @report: receives the findings
 * @streak: one for each kind of fault
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
