// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#define BATCH_PAGES 16U
#define BATCH_ENTRIES (BATCH_PAGES * VHDX_BAT_ENTRIES_PER_PAGE)

/* Naming the other owner costs a pass over the BAT, so not for all of them. */
#define OVERLAPS_NAMED 16U

/**
 * struct checker - one check under way
 * @image: what is checked
 * @census: what was counted
 * @report: where findings go
 * @batch: entries read last
 * @start: index of the first one
 * @chunk: whose sector bitmap entry was looked at last
 * @bitmap: that entry
 * @space: what blocks occupy
 */
struct checker {
	struct vhdx_image *image;
	struct vhdx_census *census;
	struct vhdx_report *report;
	__le64 *batch;
	u64 start;
	u64 chunk;
	u64 bitmap;
	struct vhdx_space *space;
};

static int read_batch(struct checker *c, u64 index)
{
	u64 start = ALIGN_DOWN(index, (u64)BATCH_ENTRIES);
	u64 bytes = ALIGN((c->image->bat.entries - start) * sizeof(__le64),
			  (u64)VHDX_PAGE);
	int r;

	if (start == c->start)
		return 0;
	cond_resched();
	r = vhdx_image_read(c->image,
			    vhdx_bat_file_offset(&c->image->bat, start),
			    c->batch,
			    min_t(u64, bytes, BATCH_PAGES * VHDX_PAGE));
	if (r)
		return vhdx_refuse(c->report, r, vhdx_bat_place(&c->image->bat, start),
				   "cannot be read (error %d)", -r);
	c->start = start;
	return 0;
}

static int entry_at(struct checker *c, u64 index, u64 *entry)
{
	int r = read_batch(c, index);

	if (!r)
		*entry = le64_to_cpu(c->batch[index - c->start]);
	return r;
}

/*
 * Bytes of the file that an entry occupies; 0 if none. The old space of a block
 * that was unmapped is its own until its entry is written anew.
 */
static u64 space_of(const struct vhdx_bat *bat, u64 index, u64 entry,
		    bool *payload, u64 *number)
{
	enum vhdx_block_state state = vhdx_entry_state(entry);

	*payload = vhdx_bat_entry_at(bat, index, number);
	if (!*payload)
		return bat->differencing && state == VHDX_BLOCK_FULLY_PRESENT ?
			       VHDX_BITMAP_BLOCK_SIZE :
			       0;
	if (*number >= bat->blocks)
		return 0;
	switch (state) {
	case VHDX_BLOCK_FULLY_PRESENT:
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		return vhdx_bat_block_size(bat);
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_UNMAPPED:
		return vhdx_entry_offset(entry) ? vhdx_bat_block_size(bat) : 0;
	default:
		return 0;
	}
}

/* Returns whether some of the space was taken before. */
static bool take_space(struct checker *c, u64 offset, u64 length)
{
	u64 end = min(offset + length, c->image->limits.file_size);

	return offset < end && vhdx_space_take(c->space, offset, end - offset);
}

/* Finds the entry before @index that shares space with it. */
static int name_overlap(struct checker *c, u64 index, u64 entry, u64 length)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 start = vhdx_entry_offset(entry);
	const char *hint = "";
	u64 other, number;
	bool payload;
	u64 i;
	int r;

	for (i = 0; i < index; i++) {
		u64 space;

		r = entry_at(c, i, &other);
		if (r)
			return r;
		space = space_of(bat, i, other, &payload, &number);
		if (space && start < vhdx_entry_offset(other) + space &&
		    vhdx_entry_offset(other) < start + length)
			break;
	}
	if (i + 1 == index && other == entry)
		hint = "; QEMU before 7.2.2 left such pairs, and one block has lost its data";
	vhdx_find(c->report, VHDX_READONLY, vhdx_bat_place(&c->image->bat, index),
		  "the space at 0x%llx also belongs to BAT entry %llu%s", start,
		  i, hint);
	return entry_at(c, index, &other);
}

static int check_space(struct checker *c, u64 index, u64 entry, u64 length)
{
	if (vhdx_entry_present(entry))
		c->census->allocated += length;
	if (!take_space(c, vhdx_entry_offset(entry), length))
		return 0;
	if (c->census->overlaps++ < OVERLAPS_NAMED)
		return name_overlap(c, index, entry, length);
	return 0;
}

static void remark_reserved(const struct checker *c, u64 index, u64 entry)
{
	if (entry & VHDX_BAT_RESERVED_MASK)
		vhdx_find(c->report, VHDX_READONLY,
			  vhdx_bat_place(&c->image->bat, index),
			  "reserved bits are set: 0x%llx",
			  entry & VHDX_BAT_RESERVED_MASK);
}

/* What a reader may pass over, and a writer or a strict reader may not. */
static void remark_payload(const struct checker *c, u64 index, u64 block,
			   u64 entry, u64 space)
{
	const struct vhdx_bat *bat = &c->image->bat;
	enum vhdx_block_state state = vhdx_entry_state(entry);
	struct vhdx_place at = vhdx_bat_place(&c->image->bat, index);
	u64 end = vhdx_entry_offset(entry) + space;
	bool outside = space && end > c->image->limits.file_size;

	if (state == VHDX_BLOCK_PARTIALLY_PRESENT && !bat->differencing)
		vhdx_find(c->report, VHDX_READONLY, at,
			  "payload block %llu is partially present in an image without a parent; it is read as fully present",
			  block);
	if (outside && vhdx_entry_present(entry))
		vhdx_find(c->report, VHDX_READONLY, at,
			  "the last payload block ends at 0x%llx, past the end of the file at 0x%llx",
			  end, c->image->limits.file_size);
	else if (outside)
		vhdx_find(c->report, VHDX_READONLY, at,
			  "payload block %llu is %s and keeps space up to 0x%llx, past the end of the file at 0x%llx",
			  block, vhdx_state_name(state), end,
			  c->image->limits.file_size);
	if (state == VHDX_BLOCK_ZERO && vhdx_entry_offset(entry))
		vhdx_find(c->report, VHDX_WARN, at,
			  "payload block %llu is zero and names the offset 0x%llx; Hyper-V wants 0 there",
			  block, vhdx_entry_offset(entry));
}

/*
 * A partially present block needs the bitmap of its chunk, whose entry may be
 * far behind the block's: it is read once for all blocks of the chunk.
 */
static int check_bitmap(struct checker *c, u64 index, u64 block)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 chunk = block >> bat->ratio_shift;
	int r;

	if (chunk != c->chunk) {
		r = entry_at(c, vhdx_bat_bitmap_index(bat, chunk), &c->bitmap);
		if (r)
			return r;
		c->chunk = chunk;
	}
	if (vhdx_entry_state(c->bitmap) != VHDX_BLOCK_FULLY_PRESENT) {
		c->census->faulty++;
		vhdx_find(c->report, VHDX_ERROR, vhdx_bat_place(bat, index),
			  "payload block %llu is partially present, but the sector bitmap of chunk %llu is absent",
			  block, chunk);
	}
	return 0;
}

static int check_entry(struct checker *c, u64 index)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 entry, number, space;
	bool payload;
	int r;

	r = entry_at(c, index, &entry);
	if (r)
		return r;
	space = space_of(bat, index, entry, &payload, &number);
	if (payload ? number >= bat->blocks : !bat->differencing)
		return 0;
	if (payload)
		c->census->payload[vhdx_entry_state(entry)]++;
	if (!vhdx_bat_check_entry(bat, &c->image->limits, index, entry,
				  c->report)) {
		c->census->faulty++;
		return 0;
	}
	remark_reserved(c, index, entry);
	if (payload)
		remark_payload(c, index, number, entry, space);
	else
		c->census->bitmaps += space != 0;
	if (space)
		r = check_space(c, index, entry, space);
	if (!r && payload && bat->differencing &&
	    vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT)
		r = check_bitmap(c, index, number);
	return r;
}

static int check_entries(struct checker *c, struct vhdx_progress *progress)
{
	u64 total = c->image->bat.entries;
	u64 index;
	int r = 0;

	for (index = 0; index < total && !r; index++) {
		if (progress && !(index % BATCH_ENTRIES))
			r = progress->step(progress, index, total);
		if (!r)
			r = check_entry(c, index);
	}
	if (!r && progress)
		r = progress->step(progress, total, total);
	return r;
}

/* QEMU's fixed images are all ZERO blocks, and grow as they are written. */
static void remark_fixed(const struct checker *c)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 present = c->census->payload[VHDX_BLOCK_FULLY_PRESENT];

	if (c->image->params.leave_allocated && present < bat->blocks)
		vhdx_find(c->report, VHDX_INFO,
			  VHDX_AT("BAT region", bat->offset),
			  "a fixed image with %llu of %llu blocks allocated",
			  present, bat->blocks);
	if (c->census->overlaps > OVERLAPS_NAMED)
		vhdx_find(c->report, VHDX_READONLY,
			  VHDX_AT("BAT region", bat->offset),
			  "%llu blocks share space with another one; the first %u are listed",
			  c->census->overlaps, OVERLAPS_NAMED);
}

/**
 * vhdx_check_space() - check every BAT entry, and mark what blocks occupy
 * @image: the image
 * @space: takes the marks; an overlap with what it has already is one with
 *	another block
 * @census: where the counts go
 * @progress: who wants to know how far it has come, or NULL
 * @report: where findings go
 *
 * Context: may sleep; reads the whole BAT, past the cache.
 * Return: 0 when the whole BAT was looked at, whatever was found; what
 * @progress returned; -ENOMEM; or an errno of the store.
 */
int vhdx_check_space(struct vhdx_image *image, struct vhdx_space *space,
		     struct vhdx_census *census, struct vhdx_progress *progress,
		     struct vhdx_report *report)
{
	struct checker c = {
		.image = image,
		.space = space,
		.census = census,
		.report = report,
		.start = U64_MAX,
		.chunk = U64_MAX,
	};
	int r;

	memset(census, 0, sizeof(*census));
	c.batch = kvmalloc(BATCH_PAGES * VHDX_PAGE, GFP_NOIO);
	if (!c.batch)
		return -ENOMEM;
	r = vhdx_space_grow(space, image->limits.file_size);
	if (!r)
		r = check_entries(&c, progress);
	if (!r)
		remark_fixed(&c);
	kvfree(c.batch);
	return r;
}

/**
 * vhdx_check_blocks() - check every BAT entry and every block's space
 * @image: the image
 * @census: where the counts go
 * @progress: who wants to know how far it has come, or NULL
 * @report: where findings go
 *
 * Context: may sleep; reads the whole BAT, past the cache.
 * Return: as vhdx_check_space().
 */
int vhdx_check_blocks(struct vhdx_image *image, struct vhdx_census *census,
		      struct vhdx_progress *progress,
		      struct vhdx_report *report)
{
	struct vhdx_space space;
	int r = vhdx_space_init(&space);

	if (!r)
		r = vhdx_check_space(image, &space, census, progress, report);
	vhdx_space_exit(&space);
	return r;
}
