// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first half of a plan: find the owner of each MiB of the file, and the
 * blocks that hold nothing. See compact-plan.h.
 */
#include "compact-plan.h"
#include "copy.h"

/* The part of the BAT that is in memory at a time. */
#define BATCH_BYTES	(64 * VHDX_KIB)
#define BATCH_ENTRIES	(BATCH_BYTES / sizeof(__le64))

/* Most blocks that are not zero have data early on. */
#define FIRST_LOOK	(64 * VHDX_KIB)
#define LOOK		VHDX_MIB

/**
 * struct scan - the state of a scan
 * @plan: the plan
 * @progress: called for progress, or NULL
 * @report: receives the findings
 * @batch: BAT entries that were read last
 * @data: LOOK bytes of a block; NULL if blocks are not read
 * @partial: the chunk has a block that is partially present and stays so
 */
struct scan {
	struct vhdx_plan *plan;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
	__le64 *batch;
	u8 *data;
	bool partial;
};

/**
 * vhdx_plan_unit() - get the note of a MiB
 * @plan: the plan
 * @unit: number of the MiB, below @units
 *
 * Return: the note.
 */
enum vhdx_unit vhdx_plan_unit(const struct vhdx_plan *plan, u64 unit)
{
	return plan->map[unit / 2] >> (unit % 2 * 4) & 0xf;
}

static void set_unit(struct vhdx_plan *plan, u64 unit, enum vhdx_unit kind)
{
	u8 *pair = &plan->map[unit / 2];
	unsigned int shift = unit % 2 * 4;

	*pair = (*pair & ~(0xf << shift)) | kind << shift;
}

/**
 * vhdx_plan_note() - note what occupies a range
 * @plan: the plan
 * @unit: number of the first MiB
 * @units: how many, above 0; what lies behind the map is left out
 * @kind: what begins there; or VHDX_UNIT_FREE for all of the range
 *
 * Return: true if a part of the range was not free before.
 */
bool vhdx_plan_note(struct vhdx_plan *plan, u64 unit, u64 units,
		    enum vhdx_unit kind)
{
	u64 end = min(unit + units, plan->units);
	bool owned = false;

	for (; unit < end; unit++) {
		owned |= vhdx_plan_unit(plan, unit) != VHDX_UNIT_FREE;
		set_unit(plan, unit, kind);
		if (kind != VHDX_UNIT_FREE)
			kind = VHDX_UNIT_REST;
	}
	return owned;
}

static int unreadable(struct scan *s, u64 index, int err)
{
	return vhdx_refuse(s->report, err,
			   vhdx_bat_place(&s->plan->image->bat, index),
			   "its block cannot be read: %s (%d)",
			   vhdx_errno_words(err), -err);
}

/* Return the bytes of a block that lie before the end of the virtual disk. */
static u64 used_of(const struct vhdx_bat *bat, u64 block)
{
	return min(vhdx_bat_block_size(bat),
		   bat->size - (block << bat->block_shift));
}

/* Set *@zero if the space of a block holds nothing but zeros. */
static int look_for_zeros(struct scan *s, u64 index, u64 block, u64 entry,
			  bool *zero)
{
	u64 used = used_of(&s->plan->image->bat, block), at, len;
	int r = 0;

	*zero = true;
	for (at = 0; at < used && *zero && !r; at += len) {
		len = min(used - at, at ? LOOK : FIRST_LOOK);
		r = vhdx_image_read(s->plan->image,
				    vhdx_entry_offset(entry) + at, s->data,
				    ALIGN(len, (u64)VHDX_PAGE));
		*zero = !r && vhdx_zeros(s->data, len);
		cond_resched();
	}
	return r ? unreadable(s, index, r) : 0;
}

/* Set *@own if no sector of a partially present block is the parent's. */
static int look_for_bits(struct scan *s, u64 index, u64 block, bool *own)
{
	struct vhdx_image *image = s->plan->image;
	const struct vhdx_bat *bat = &image->bat;
	u64 chunk = block >> bat->ratio_shift;
	u64 at = vhdx_bat_file_offset(bat, vhdx_bat_bitmap_index(bat, chunk));
	u64 pos = block << bat->block_shift;
	u64 end = pos + used_of(bat, block), len;
	u64 base, page;
	__le64 entry;
	int r = vhdx_image_read(image, at, &entry, sizeof(entry));

	*own = true;
	base = r ? 0 : vhdx_entry_offset(le64_to_cpu(entry));
	for (; pos < end && *own && !r; pos += len) {
		page = vhdx_bitmap_page(bat, pos) %
		       (1U << VHDX_BITMAP_PAGES_SHIFT);
		len = min(end - pos, vhdx_bitmap_reach(bat));
		r = vhdx_image_read(image, base + page * VHDX_PAGE, s->data,
				    VHDX_PAGE);
		*own = !r && !vhdx_bitmap_lacks(bat, s->data, pos, len);
	}
	return r ? unreadable(s, index, r) : 0;
}

static int tell(const struct scan *s, u64 index)
{
	return s->progress ? s->progress->step(s->progress, index,
					       s->plan->image->bat.entries) : 0;
}

/* A fixed image keeps its blocks. */
static int reads_as_zeros(struct scan *s, u64 index, u64 block, u64 entry,
			  bool *zero)
{
	bool partial = vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT;
	int r = s->data ? tell(s, index) : 0;

	*zero = !r && s->data && !s->plan->image->params.leave_allocated;
	if (*zero && partial)
		r = look_for_bits(s, index, block, zero);
	if (*zero && !r)
		r = look_for_zeros(s, index, block, entry, zero);
	return r;
}

static void note_empty(struct vhdx_plan *plan, u64 index, u64 space)
{
	__set_bit(index, plan->empty);
	plan->empties++;
	plan->given += space;
}

/* Refuse what vhdx_session_survey() refuses, and blocks that the file cuts. */
static bool suits(const struct vhdx_image *image, u64 index, u64 entry,
		  u64 space)
{
	u64 offset = vhdx_entry_offset(entry);
	u64 size = image->limits.file_size;

	if (vhdx_bat_fault(&image->bat, &image->limits, index, entry) ||
	    (entry & VHDX_BAT_RESERVED_MASK))
		return false;
	if (vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT &&
	    !image->bat.differencing)
		return false;
	return !space || (offset <= size && space <= size - offset &&
			  !vhdx_regions_hit(&image->regions, offset, space));
}

static int refuse(struct scan *s, u64 index)
{
	return vhdx_refuse(s->report, -EUCLEAN,
			   vhdx_bat_place(&s->plan->image->bat, index),
			   "the image cannot be compacted as long as this is wrong; vhdxsetup check says what it is");
}

static int note_owner(struct scan *s, u64 index, u64 entry, u64 space,
		      enum vhdx_unit kind)
{
	if (vhdx_plan_note(s->plan, vhdx_entry_offset(entry) >> VHDX_ALIGN_SHIFT,
			   space >> VHDX_ALIGN_SHIFT, kind))
		return refuse(s, index);
	return 0;
}

static int scan_block(struct scan *s, u64 index, u64 block, u64 entry,
		      u64 space)
{
	bool zero;
	int r;

	if (!vhdx_entry_present(entry)) {
		/* An offset that nobody needs, and the space if it has any. */
		if (vhdx_entry_state(entry) != VHDX_BLOCK_NOT_PRESENT &&
		    vhdx_entry_offset(entry))
			note_empty(s->plan, index, space);
		return 0;
	}
	r = reads_as_zeros(s, index, block, entry, &zero);
	if (r)
		return r;
	if (zero) {
		s->plan->zeroed += space;
		note_empty(s->plan, index, 0);
		return 0;
	}
	s->partial |= vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT;
	return note_owner(s, index, entry, space, VHDX_UNIT_BLOCK);
}

/* Only partially present blocks use their sector bitmap. */
static int scan_bitmap(struct scan *s, u64 index, u64 entry, u64 space)
{
	bool partial = s->partial;

	s->partial = false;
	if (!space)
		return partial ? refuse(s, index) : 0;
	if (partial)
		return note_owner(s, index, entry, space, VHDX_UNIT_BITMAP);
	note_empty(s->plan, index, space);
	return 0;
}

static int scan_entry(struct scan *s, u64 index, u64 entry)
{
	const struct vhdx_bat *bat = &s->plan->image->bat;
	bool payload;
	u64 number, space;

	space = vhdx_bat_space(bat, index, entry, &payload, &number);
	if (payload ? number >= bat->blocks : !bat->differencing)
		return 0;
	if (!suits(s->plan->image, index, entry, space))
		return refuse(s, index);
	return payload ? scan_block(s, index, number, entry, space) :
			 scan_bitmap(s, index, entry, space);
}

static int scan_batch(struct scan *s, u64 first, u64 count)
{
	struct vhdx_image *image = s->plan->image;
	u64 i;
	int r;

	r = vhdx_image_read(image, vhdx_bat_file_offset(&image->bat, first),
			    s->batch, count * sizeof(__le64));
	if (r)
		return unreadable(s, first, r);
	for (i = 0; i < count && !r; i++)
		r = scan_entry(s, first + i, le64_to_cpu(s->batch[i]));
	return r;
}

static int scan_all(struct scan *s)
{
	u64 entries = s->plan->image->bat.entries, first, count;
	int r = 0;

	for (first = 0; first < entries && !r; first += count) {
		count = min_t(u64, entries - first, BATCH_ENTRIES);
		r = tell(s, first);
		if (!r)
			r = scan_batch(s, first, count);
	}
	return r;
}

/**
 * vhdx_plan_scan() - note what each BAT entry has, and what holds nothing
 * @plan: the plan, in whose map the regions are noted
 * @progress: called for progress, in BAT entries, and may stop the scan; or NULL
 * @report: receives the findings
 *
 * Context: may sleep.
 * Return: 0; -EUCLEAN after a finding if the image must not be written; what
 * @progress returned; -ENOMEM; or an errno of the store.
 */
int vhdx_plan_scan(struct vhdx_plan *plan, struct vhdx_progress *progress,
		   struct vhdx_report *report)
{
	struct scan s = {
		.plan = plan,
		.progress = progress,
		.report = report,
	};
	int r = -ENOMEM;

	s.batch = kvmalloc(BATCH_BYTES, GFP_KERNEL);
	if (plan->zeros)
		s.data = kvmalloc(LOOK, GFP_KERNEL);
	if (s.batch && (s.data || !plan->zeros))
		r = scan_all(&s);
	kvfree(s.data);
	kvfree(s.batch);
	return r;
}
