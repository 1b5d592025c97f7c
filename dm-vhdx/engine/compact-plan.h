/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan of a compaction: what moves down into which hole, and how long the
 * file is afterwards. Making a plan changes nothing.
 *
 * A map has a note for each MiB of the file. The plan moves the highest piece
 * into the lowest hole that is large enough, until there is no such hole. So no
 * piece moves that could stay, and each hole is free before any move: no move
 * has to wait for another one. The moves can therefore be made in the order of
 * the BAT, which touches each of its pages once.
 *
 * Payload blocks, sector bitmap blocks, the BAT and the metadata region move.
 * The log and regions that are not known stay. A payload block goes to whole
 * blocks of free space; a sector bitmap block goes to the rest of a hole that
 * is too small for a payload block, if there is one.
 *
 * compact-plan.c APIs:
 *   vhdx_plan_new()		make the plan of an image
 *   vhdx_plan_free()
 *   vhdx_plan_gains()		test whether the plan changes anything
 *   vhdx_plan_slot()		next place for a block that moves
 *   vhdx_plan_hole()		next range that nobody owns afterwards
 * compact-scan.c APIs:
 *   vhdx_plan_scan()		note what each BAT entry has
 *   vhdx_plan_note()		note what occupies a range
 *   vhdx_plan_unit()		the note of a MiB
 */
#ifndef VHDX_COMPACT_PLAN_H
#define VHDX_COMPACT_PLAN_H

#include "check.h"

/**
 * enum vhdx_unit - what is noted of a MiB of the file
 * @VHDX_UNIT_FREE: nobody owns it
 * @VHDX_UNIT_REST: it belongs to what begins below it
 * @VHDX_UNIT_FIXED: here begins something that stays
 * @VHDX_UNIT_REGION: here begins the BAT or the metadata region
 * @VHDX_UNIT_BLOCK: here begins a payload block
 * @VHDX_UNIT_BITMAP: a sector bitmap block
 * @VHDX_UNIT_REGION_TO: here begins the new place of a region
 * @VHDX_UNIT_BLOCK_TO: here begins the new place of a payload block
 * @VHDX_UNIT_BITMAP_TO: the new place of a sector bitmap block
 */
enum vhdx_unit {
	VHDX_UNIT_FREE,
	VHDX_UNIT_REST,
	VHDX_UNIT_FIXED,
	VHDX_UNIT_REGION,
	VHDX_UNIT_BLOCK,
	VHDX_UNIT_BITMAP,
	VHDX_UNIT_REGION_TO,
	VHDX_UNIT_BLOCK_TO,
	VHDX_UNIT_BITMAP_TO,
};

/**
 * struct vhdx_plan - the plan
 * @image: the image; nobody changes it while there is a plan
 * @zeros: blocks are read, and those of zeros lose their space
 * @map: a note for each MiB, four bits each
 * @units: number of notes
 * @empty: a bit for each BAT entry whose space holds nothing: it loses it
 * @empties: number of these bits
 * @end: byte offset behind all that is owned, after the compaction
 * @length: bytes that the file then has; on a block device, what it has anyway
 * @used: byte offset behind all that is owned, before
 * @moves: bytes of blocks and regions that move
 * @moved: blocks that move
 * @given: bytes of space that holds nothing and is given back
 * @zeroed: bytes of blocks that read as zeros and lose their space
 * @bat_to: byte offset to which the BAT moves, or 0
 * @metadata_to: byte offset to which the metadata region moves, or 0
 * @next_block: where the search for a payload block's place goes on, in units
 * @rest: first unit left of a hole beside whole blocks
 * @rest_end: end of these
 * @next_rest: where the search for more of these goes on
 */
struct vhdx_plan {
	struct vhdx_image *image;
	bool zeros;
	u8 *map;
	u64 units;
	unsigned long *empty;
	u64 empties;
	u64 end;
	u64 length;
	u64 used;
	u64 moves;
	u64 moved;
	u64 given;
	u64 zeroed;
	u64 bat_to;
	u64 metadata_to;
	u64 next_block;
	u64 rest;
	u64 rest_end;
	u64 next_rest;
};

struct vhdx_plan *vhdx_plan_new(struct vhdx_image *image, bool zeros,
				struct vhdx_progress *progress,
				struct vhdx_report *report);
void vhdx_plan_free(struct vhdx_plan *plan);
bool vhdx_plan_gains(const struct vhdx_plan *plan, bool keeps_length);
u64 vhdx_plan_slot(const struct vhdx_plan *plan, enum vhdx_unit kind, u64 from);
u64 vhdx_plan_hole(const struct vhdx_plan *plan, u64 from, u64 *length);

int vhdx_plan_scan(struct vhdx_plan *plan, struct vhdx_progress *progress,
		   struct vhdx_report *report);
bool vhdx_plan_note(struct vhdx_plan *plan, u64 unit, u64 units,
		    enum vhdx_unit kind);
enum vhdx_unit vhdx_plan_unit(const struct vhdx_plan *plan, u64 unit);

#endif /* VHDX_COMPACT_PLAN_H */
