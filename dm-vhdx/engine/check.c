// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "gather.h"

#define BATCH_PAGES 16U
#define BATCH_ENTRIES (BATCH_PAGES * VHDX_BAT_ENTRIES_PER_PAGE)

/* Each BAT entry is compared with all of these, so their number is small. */
#define OVERLAPS_NAMED 16U

/**
 * struct overlap - a block whose space overlaps that of another block
 * @index: index of its BAT entry
 * @start: byte offset of its space in the file
 * @length: bytes of its space
 * @entry: value of its BAT entry
 * @other: index of the first entry that shares the space; U64_MAX if unknown
 * @other_entry: value of that entry
 */
struct overlap {
	u64 index;
	u64 start;
	u64 length;
	u64 entry;
	u64 other;
	u64 other_entry;
};

/**
 * struct checker - the state of a check
 * @image: the image to check
 * @census: the counts
 * @progress: called for progress, or NULL
 * @report: receives the findings
 * @gather: gathers findings about BAT entries
 * @overlaps: the first overlaps
 * @limit: end of the longest file that the image can have needed; blocks that
 *	end after it were never in a file that was cut short
 * @batch: the BAT entries that were read last
 * @start: index of the first entry in @batch
 * @chunk: the chunk whose sector bitmap entry was read last
 * @bitmap: that entry
 * @space: the space that blocks occupy
 */
struct checker {
	struct vhdx_image *image;
	struct vhdx_census *census;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
	struct vhdx_gather gather;
	struct overlap overlaps[OVERLAPS_NAMED];
	u64 limit;
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
				   "cannot be read: %s (%d)",
				   vhdx_errno_words(r), -r);
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

/* Return true if a range ends past @size. Its end may be past 2^64. */
static bool ends_past(u64 offset, u64 length, u64 size)
{
	return offset > size || length > size - offset;
}

/* Return true if a part of the space was taken before. */
static bool take_space(struct checker *c, u64 offset, u64 length)
{
	u64 size = c->image->limits.file_size;

	return offset < size && vhdx_space_take(c->space, offset,
						min(length, size - offset));
}

static void check_space(struct checker *c, u64 index, u64 entry, u64 length)
{
	u64 start = vhdx_entry_offset(entry);

	if (vhdx_entry_present(entry))
		c->census->allocated += length;
	if (!take_space(c, start, length))
		return;
	if (c->census->overlaps < OVERLAPS_NAMED)
		c->overlaps[c->census->overlaps] = (struct overlap){
			.index = index,
			.start = start,
			.length = length,
			.entry = entry,
			.other = U64_MAX,
		};
	c->census->overlaps++;
}

/* Report what a lenient reader may ignore, but a writer must not. */
static void remark_payload(struct checker *c, u64 index, u64 entry, u64 space)
{
	const struct vhdx_image *image = c->image;
	enum vhdx_block_state state = vhdx_entry_state(entry);
	u64 offset = vhdx_entry_offset(entry);
	bool beyond = space && ends_past(offset, space, image->limits.file_size);
	bool present = vhdx_entry_present(entry);

	if (state == VHDX_BLOCK_PARTIALLY_PRESENT && !image->bat.differencing)
		vhdx_gather_add(&c->gather, VHDX_WRONG_PARTIAL, index, entry,
				VHDX_FAULT_NONE);
	if (beyond)
		vhdx_gather_add(&c->gather, present ? VHDX_WRONG_SHORT :
						      VHDX_WRONG_KEEPS_BEYOND,
				index, entry, VHDX_FAULT_NONE);
	else if (space && !present &&
		 vhdx_regions_hit(&image->regions, offset, space))
		vhdx_gather_add(&c->gather, VHDX_WRONG_KEEPS_TAKEN, index,
				entry, VHDX_FAULT_NONE);
	if (state == VHDX_BLOCK_ZERO && offset)
		vhdx_gather_add(&c->gather, VHDX_WRONG_ZERO, index, entry,
				VHDX_FAULT_NONE);
}

/* Count what a truncation removed, unless no file can have held it. */
static void count_cut(struct checker *c, bool payload, u64 number, u64 entry)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 length = payload ? vhdx_bat_block_size(bat) :
			       VHDX_BITMAP_BLOCK_SIZE;
	u64 size = c->image->limits.file_size;
	u64 offset = vhdx_entry_offset(entry);
	struct vhdx_cut *cut = &c->census->cut;
	u64 needed;

	if (ends_past(offset, length, c->limit))
		return;
	cut->end = max(cut->end, offset + length);
	if (!payload) {
		cut->bitmaps++;
		return;
	}
	needed = min(length, bat->size - (number << bat->block_shift));
	cut->bytes += offset < size ? needed - (size - offset) : needed;
	if (!cut->blocks++)
		cut->first = number;
	cut->last = number;
}

static void count_fault(struct checker *c, u64 index, u64 entry,
			enum vhdx_fault fault)
{
	u64 number;
	bool payload = vhdx_bat_entry_at(&c->image->bat, index, &number);

	c->census->faulty++;
	if (fault == VHDX_FAULT_BEYOND || fault == VHDX_FAULT_CUT)
		count_cut(c, payload, number, entry);
	vhdx_gather_add(&c->gather, VHDX_WRONG_FAULT, index, entry, fault);
}

/*
 * A partially present block needs the sector bitmap of its chunk. Its entry may
 * be far behind that of the block, so it is read once for all blocks of the
 * chunk.
 */
static int check_bitmap(struct checker *c, u64 index, u64 block, u64 entry)
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
		vhdx_gather_add(&c->gather, VHDX_WRONG_BITMAP, index, entry,
				VHDX_FAULT_NONE);
	}
	return 0;
}

static int check_entry(struct checker *c, u64 index)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 entry, number, space;
	enum vhdx_fault fault;
	bool payload;
	int r;

	r = entry_at(c, index, &entry);
	if (r)
		return r;
	space = vhdx_bat_space(bat, index, entry, &payload, &number);
	if (payload ? number >= bat->blocks : !bat->differencing)
		return 0;
	if (payload)
		c->census->payload[vhdx_entry_state(entry)]++;
	fault = vhdx_bat_fault(bat, &c->image->limits, index, entry);
	if (fault) {
		count_fault(c, index, entry, fault);
		return 0;
	}
	if (entry & VHDX_BAT_RESERVED_MASK)
		vhdx_gather_add(&c->gather, VHDX_WRONG_RESERVED, index, entry,
				VHDX_FAULT_NONE);
	if (payload)
		remark_payload(c, index, entry, space);
	else
		c->census->bitmaps += space != 0;
	if (space)
		check_space(c, index, entry, space);
	if (payload && bat->differencing &&
	    vhdx_entry_state(entry) == VHDX_BLOCK_PARTIALLY_PRESENT)
		r = check_bitmap(c, index, number, entry);
	return r;
}

/* Call @look for each entry, in order. */
static int for_entries(struct checker *c,
		       int (*look)(struct checker *c, u64 index))
{
	u64 total = c->image->bat.entries;
	u64 index;
	int r = 0;

	for (index = 0; index < total && !r; index++) {
		if (c->progress && !(index % BATCH_ENTRIES))
			r = c->progress->step(c->progress, index, total);
		if (!r)
			r = look(c, index);
	}
	if (!r && c->progress)
		r = c->progress->step(c->progress, total, total);
	return r;
}

/* Note the entry as the other owner of overlaps that have none yet. */
static int find_owner(struct checker *c, u64 index)
{
	u32 count = min_t(u64, c->census->overlaps, OVERLAPS_NAMED);
	u64 entry, number, space, start;
	bool payload;
	u32 i;
	int r;

	r = entry_at(c, index, &entry);
	if (r)
		return r;
	space = vhdx_bat_space(&c->image->bat, index, entry, &payload, &number);
	start = vhdx_entry_offset(entry);
	if (!space || vhdx_bat_fault(&c->image->bat, &c->image->limits, index, entry))
		return 0;
	for (i = 0; i < count; i++) {
		struct overlap *overlap = &c->overlaps[i];

		if (overlap->other != U64_MAX || index >= overlap->index ||
		    start >= overlap->start + overlap->length ||
		    ends_past(start, space, U64_MAX) ||
		    overlap->start >= start + space)
			continue;
		overlap->other = index;
		overlap->other_entry = entry;
	}
	return 0;
}

static void tell_overlap(const struct checker *c, const struct overlap *overlap)
{
	struct vhdx_place at = vhdx_bat_place(&c->image->bat, overlap->index);
	const char *hint = "";

	if (overlap->other + 1 == overlap->index &&
	    overlap->other_entry == overlap->entry)
		hint = "; QEMU before 7.2.2 left such pairs, and one block has lost its data";
	if (overlap->other == U64_MAX)
		vhdx_find(c->report, VHDX_READONLY, at,
			  "the space at 0x%llx has another owner",
			  overlap->start);
	else
		vhdx_find(c->report, VHDX_READONLY, at,
			  "the space at 0x%llx also belongs to BAT entry %llu%s",
			  overlap->start, overlap->other, hint);
}

/* Find the other owners in one more pass over the BAT, and report. */
static int name_overlaps(struct checker *c)
{
	u32 count = min_t(u64, c->census->overlaps, OVERLAPS_NAMED);
	u32 i;
	int r;

	if (!count)
		return 0;
	r = for_entries(c, find_owner);
	for (i = 0; i < count && !r; i++)
		tell_overlap(c, &c->overlaps[i]);
	if (!r && c->census->overlaps > count)
		vhdx_find(c->report, VHDX_READONLY,
			  VHDX_AT("BAT region", c->image->bat.offset),
			  "%llu blocks share space with another one; the first %u are listed",
			  c->census->overlaps, count);
	return r;
}

/* Fixed images made by QEMU consist of ZERO blocks and grow when written. */
static void remark_fixed(const struct checker *c)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 present = c->census->payload[VHDX_BLOCK_FULLY_PRESENT];

	if (c->image->params.leave_allocated && present < bat->blocks)
		vhdx_find(c->report, VHDX_INFO,
			  VHDX_AT("BAT region", bat->offset),
			  "a fixed image with %llu of %llu blocks allocated",
			  present, bat->blocks);
}

/* Summarize a cut file in one sentence, beside the findings on each block. */
static void remark_cut(const struct checker *c)
{
	const struct vhdx_cut *cut = &c->census->cut;
	char blocks[96];

	if (!cut->blocks)
		return;
	if (cut->blocks == 1)
		snprintf(blocks, sizeof(blocks), "payload block %llu",
			 cut->first);
	else if (cut->blocks == cut->last - cut->first + 1)
		snprintf(blocks, sizeof(blocks), "payload blocks %llu to %llu",
			 cut->first, cut->last);
	else
		snprintf(blocks, sizeof(blocks),
			 "%llu of the payload blocks %llu to %llu", cut->blocks,
			 cut->first, cut->last);
	vhdx_find_cut(c->report, c->image->limits.file_size, cut->end, blocks,
		      cut->bytes);
}

static int check_all(struct checker *c)
{
	int r = for_entries(c, check_entry);

	vhdx_gather_end(&c->gather);
	if (r)
		return r;
	remark_cut(c);
	remark_fixed(c);
	return name_overlaps(c);
}

/**
 * vhdx_check_space() - check all BAT entries, and mark the space of blocks
 * @image: the image
 * @space: receives the marks; space that is marked already counts as that of
 *	another block
 * @census: receives the counts
 * @progress: called for progress, or NULL
 * @report: receives the findings
 *
 * Context: may sleep; reads the whole BAT, past the cache.
 * Return: 0 after a pass over the whole BAT, whatever it found; the error that
 * @progress returned; -ENOMEM; or an errno of the store.
 */
int vhdx_check_space(struct vhdx_image *image, struct vhdx_space *space,
		     struct vhdx_census *census, struct vhdx_progress *progress,
		     struct vhdx_report *report)
{
	struct checker *c = kzalloc(sizeof(*c), GFP_NOIO);
	int r;

	if (!c)
		return -ENOMEM;
	memset(census, 0, sizeof(*census));
	*c = (struct checker){
		.image = image,
		.space = space,
		.census = census,
		.progress = progress,
		.report = report,
		.start = U64_MAX,
		.chunk = U64_MAX,
		.limit = vhdx_bat_file_limit(&image->bat, &image->regions,
					     image->limits.file_size),
	};
	vhdx_gather_init(&c->gather, &image->bat, &image->limits, report);
	r = vhdx_space_grow(space, image->limits.file_size);
	c->batch = kvmalloc(BATCH_PAGES * VHDX_PAGE, GFP_NOIO);
	if (!c->batch)
		r = -ENOMEM;
	if (!r)
		r = check_all(c);
	kvfree(c->batch);
	kfree(c);
	return r;
}

/**
 * vhdx_check_blocks() - check all BAT entries and the space of all blocks
 * @image: the image
 * @census: receives the counts
 * @progress: called for progress, or NULL
 * @report: receives the findings
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

/**
 * vhdx_check_empty() - test whether a child has nothing of its own
 * @image: the image
 *
 * Such a child reads as its parent does. An image with a parent has no other
 * state for that than NOT_PRESENT ([MS-VHDX] 2.5.1.1), and a log that waits for a
 * replay may hold anything.
 *
 * Context: may sleep; reads the whole BAT, past the cache.
 * Return: true if the image has a parent, no block, and an empty log; false if
 * not, or if that cannot be found out.
 */
bool vhdx_check_empty(struct vhdx_image *image)
{
	struct vhdx_census census;

	return image->params.has_parent && !image->log.count &&
	       !vhdx_check_blocks(image, &census, NULL, &vhdx_report_silent) &&
	       census.payload[VHDX_BLOCK_NOT_PRESENT] == image->bat.blocks;
}
