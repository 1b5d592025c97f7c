// SPDX-License-Identifier: GPL-2.0-only
#include "compact-plan.h"

/**
 * struct piece - a block or region that moves
 * @kind: its kind, as noted for its old place
 * @start: its first MiB
 * @units: number of MiB
 */
struct piece {
	enum vhdx_unit kind;
	u64 start;
	u64 units;
};

static u64 block_units(const struct vhdx_plan *plan)
{
	return vhdx_bat_block_size(&plan->image->bat) >> VHDX_ALIGN_SHIFT;
}

/* The first run of @units free MiB from @from on that ends at or before @end. */
static u64 find_free(const struct vhdx_plan *plan, u64 units, u64 from, u64 end)
{
	u64 start = from, at;

	for (at = from; at < end; at++) {
		if (vhdx_plan_unit(plan, at) != VHDX_UNIT_FREE)
			start = at + 1;
		else if (at + 1 - start == units)
			return start;
	}
	return U64_MAX;
}

/* Payload blocks fill a hole from its start, in units of whole blocks. */
static u64 place_block(struct vhdx_plan *plan, u64 end)
{
	u64 units = block_units(plan);
	u64 start = find_free(plan, units, plan->next_block, end);

	if (start != U64_MAX)
		plan->next_block = start + units;
	return start;
}

/*
 * Find a hole with a rest smaller than a block after it is filled with blocks.
 * A hole that reaches @end may still get longer.
 */
static bool find_rest(struct vhdx_plan *plan, u64 end)
{
	u64 units = block_units(plan), at = plan->next_rest, start;

	while (units > 1 && plan->rest == plan->rest_end) {
		start = find_free(plan, 1, at, end);
		if (start == U64_MAX)
			return false;
		for (at = start; at < end; at++)
			if (vhdx_plan_unit(plan, at) != VHDX_UNIT_FREE)
				break;
		if (at == end)
			return false;
		plan->next_rest = at;
		plan->rest = at - (at - start) % units;
		plan->rest_end = at;
	}
	return plan->rest < plan->rest_end;
}

static u64 place_bitmap(struct vhdx_plan *plan, u64 end)
{
	u64 start;

	/* A region may have taken some of it. */
	while (plan->rest < plan->rest_end &&
	       vhdx_plan_unit(plan, plan->rest) != VHDX_UNIT_FREE)
		plan->rest++;
	if (plan->rest >= end)
		plan->rest = plan->rest_end;
	if (find_rest(plan, end))
		return plan->rest++;
	start = place_block(plan, end);
	if (start == U64_MAX)
		return find_free(plan, 1, plan->next_block, end);
	plan->rest = start + 1;
	plan->rest_end = plan->next_block;
	return start;
}

static struct vhdx_region *region_at(const struct vhdx_plan *plan, u64 unit)
{
	struct vhdx_regions *regions = &plan->image->regions;

	return regions->bat.offset >> VHDX_ALIGN_SHIFT == unit ?
	       &regions->bat : &regions->metadata;
}

static u64 place_region(struct vhdx_plan *plan, const struct piece *piece)
{
	u64 start = find_free(plan, piece->units, 0, piece->start);

	if (start == U64_MAX)
		return start;
	if (region_at(plan, piece->start) == &plan->image->regions.bat)
		plan->bat_to = start << VHDX_ALIGN_SHIFT;
	else
		plan->metadata_to = start << VHDX_ALIGN_SHIFT;
	return start;
}

/* Find the highest piece below @end. The header section is the lowest one. */
static struct piece highest(const struct vhdx_plan *plan, u64 end)
{
	struct piece piece = { .kind = VHDX_UNIT_FREE };

	while (piece.kind == VHDX_UNIT_FREE)
		piece.kind = vhdx_plan_unit(plan, --end);
	piece.units = 1;
	while (piece.kind == VHDX_UNIT_REST) {
		piece.kind = vhdx_plan_unit(plan, --end);
		piece.units++;
	}
	piece.start = end;
	return piece;
}

static enum vhdx_unit kind_of_place(enum vhdx_unit kind)
{
	switch (kind) {
	case VHDX_UNIT_REGION:
		return VHDX_UNIT_REGION_TO;
	case VHDX_UNIT_BLOCK:
		return VHDX_UNIT_BLOCK_TO;
	case VHDX_UNIT_BITMAP:
		return VHDX_UNIT_BITMAP_TO;
	default:
		/* This place was found earlier, and is too high by now. */
		return kind;
	}
}

static u64 find_place(struct vhdx_plan *plan, const struct piece *piece)
{
	switch (piece->kind) {
	case VHDX_UNIT_REGION:
		return place_region(plan, piece);
	case VHDX_UNIT_BLOCK:
	case VHDX_UNIT_BLOCK_TO:
		return place_block(plan, piece->start);
	case VHDX_UNIT_BITMAP:
	case VHDX_UNIT_BITMAP_TO:
		return place_bitmap(plan, piece->start);
	default:
		return U64_MAX;
	}
}

/* The place is going to be overwritten, so nobody may own it. */
static bool is_free(const struct vhdx_plan *plan, u64 start, u64 units)
{
	u64 at;

	for (at = start; at < start + units; at++)
		if (vhdx_plan_unit(plan, at) != VHDX_UNIT_FREE)
			return false;
	return true;
}

/* Find a lower place for the highest piece. Return false if there is none. */
static bool lower_one(struct vhdx_plan *plan, const struct piece *piece)
{
	enum vhdx_unit kind = kind_of_place(piece->kind);
	u64 to = find_place(plan, piece);

	if (to == U64_MAX || WARN_ON_ONCE(!is_free(plan, to, piece->units)))
		return false;
	vhdx_plan_note(plan, piece->start, piece->units, VHDX_UNIT_FREE);
	vhdx_plan_note(plan, to, piece->units, kind);
	if (kind == piece->kind)
		return true;
	plan->moves += piece->units << VHDX_ALIGN_SHIFT;
	plan->moved += kind != VHDX_UNIT_REGION_TO;
	return true;
}

static u64 end_of(const struct piece *piece)
{
	return (piece->start + piece->units) << VHDX_ALIGN_SHIFT;
}

/* Lower pieces, the highest one first. Return false if there is nothing to lower. */
static bool lower_some(struct vhdx_plan *plan, struct piece *piece)
{
	u64 least = vhdx_image_least(plan->image);
	bool lowered = false;

	plan->next_block = 0;
	plan->next_rest = 0;
	plan->rest = 0;
	plan->rest_end = 0;
	while (end_of(piece) > least && lower_one(plan, piece)) {
		lowered = true;
		*piece = highest(plan, piece->start);
		cond_resched();
	}
	return lowered;
}

/*
 * Each of the two regions may take a part of a hole that was kept for a block: what
 * is left of it is good for sector bitmap blocks, whose places were found by then. All
 * that is free below the highest piece was free from the start, so try again.
 */
static void lower_all(struct vhdx_plan *plan)
{
	u64 least = vhdx_image_least(plan->image);
	struct piece piece = highest(plan, plan->units);
	u32 tries = 3;

	plan->used = end_of(&piece);
	while (tries && lower_some(plan, &piece))
		tries--;
	plan->end = end_of(&piece);
	plan->length = min(max(plan->end, least),
			   plan->image->limits.file_size);
}

static int note_regions(struct vhdx_plan *plan)
{
	const struct vhdx_regions *regions = &plan->image->regions;
	u32 i;

	for (i = 0; i < regions->count; i++) {
		const struct vhdx_region *region = &regions->all[i];
		bool moves = region->offset == regions->bat.offset ||
			     region->offset == regions->metadata.offset;

		if (vhdx_plan_note(plan, region->offset >> VHDX_ALIGN_SHIFT,
				   region->length >> VHDX_ALIGN_SHIFT,
				   moves ? VHDX_UNIT_REGION : VHDX_UNIT_FIXED))
			return -EUCLEAN;
	}
	return 0;
}

/**
 * vhdx_plan_new() - make the plan of an image
 * @image: the image; its log may be dirty, if the plan is only looked at
 * @zeros: give up the space of blocks that read as zeros, unless the image is
 *	fixed; all blocks are read for that
 * @progress: called for progress, in BAT entries, and may stop it; or NULL
 * @report: receives the findings
 *
 * Needs half a byte for each MiB of the file and a bit for each entry of the BAT.
 *
 * Context: may sleep.
 * Return: the plan, for vhdx_plan_free(); or an ERR_PTR: -EUCLEAN after a
 * finding if the image must not be written; what @progress returned; -ENOMEM; or
 * an errno of the store.
 */
struct vhdx_plan *vhdx_plan_new(struct vhdx_image *image, bool zeros,
				struct vhdx_progress *progress,
				struct vhdx_report *report)
{
	struct vhdx_plan *plan = kzalloc(sizeof(*plan), GFP_KERNEL);
	int r = -ENOMEM;

	if (!plan)
		return ERR_PTR(-ENOMEM);
	plan->image = image;
	plan->zeros = zeros;
	plan->units = ALIGN(image->limits.file_size, VHDX_ALIGN) >>
		      VHDX_ALIGN_SHIFT;
	plan->map = kvzalloc(plan->units / 2 + 1, GFP_KERNEL);
	plan->empty = kvcalloc(BITS_TO_LONGS(image->bat.entries),
			       sizeof(*plan->empty), GFP_KERNEL);
	if (plan->map && plan->empty)
		r = note_regions(plan);
	if (!r)
		r = vhdx_plan_scan(plan, progress, report);
	if (r) {
		vhdx_plan_free(plan);
		return ERR_PTR(r);
	}
	lower_all(plan);
	return plan;
}

/**
 * vhdx_plan_free() - free a plan
 * @plan: the plan; its image is still open
 *
 * Context: may sleep.
 */
void vhdx_plan_free(struct vhdx_plan *plan)
{
	kvfree(plan->map);
	kvfree(plan->empty);
	kfree(plan);
}

/**
 * vhdx_plan_gains() - test whether the plan changes anything
 * @plan: the plan
 * @keeps_length: the store is a block device, so its end is no gain
 *
 * Return: true if so.
 */
bool vhdx_plan_gains(const struct vhdx_plan *plan, bool keeps_length)
{
	return plan->moves || plan->empties ||
	       (!keeps_length && plan->length < plan->image->limits.file_size);
}

/**
 * vhdx_plan_slot() - find the next place for a block that moves
 * @plan: the plan
 * @kind: VHDX_UNIT_BLOCK_TO or VHDX_UNIT_BITMAP_TO
 * @from: byte offset in the file where the search starts
 *
 * Return: byte offset of the place, or U64_MAX if there is none left.
 */
u64 vhdx_plan_slot(const struct vhdx_plan *plan, enum vhdx_unit kind, u64 from)
{
	u64 end = plan->end >> VHDX_ALIGN_SHIFT;
	u64 unit = from >> VHDX_ALIGN_SHIFT;

	for (; unit < end; unit++)
		if (vhdx_plan_unit(plan, unit) == kind)
			return unit << VHDX_ALIGN_SHIFT;
	return U64_MAX;
}

/**
 * vhdx_plan_hole() - find the next range that nobody owns afterwards
 * @plan: the plan
 * @from: byte offset in the file where the search starts
 * @length: set to the bytes of the range
 *
 * Return: byte offset of the range, or U64_MAX if there is none before @end.
 */
u64 vhdx_plan_hole(const struct vhdx_plan *plan, u64 from, u64 *length)
{
	u64 end = plan->end >> VHDX_ALIGN_SHIFT;
	u64 start = find_free(plan, 1, from >> VHDX_ALIGN_SHIFT, end);
	u64 unit;

	if (start == U64_MAX)
		return start;
	for (unit = start; unit < end; unit++)
		if (vhdx_plan_unit(plan, unit) != VHDX_UNIT_FREE)
			break;
	*length = (unit - start) << VHDX_ALIGN_SHIFT;
	return start << VHDX_ALIGN_SHIFT;
}
