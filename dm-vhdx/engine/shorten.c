// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"
#include "reshape.h"
#include "shorten.h"

/* The part of the BAT that is in memory at a time. */
#define BATCH_BYTES	(64 * VHDX_KIB)
#define BATCH_ENTRIES	(BATCH_BYTES / sizeof(__le64))

/**
 * struct cut - a disk that becomes smaller
 * @session: writes the image
 * @image: the image, with its old geometry
 * @shape: the new one
 * @batch: BAT entries on their way, or a page of a bitmap
 * @report: receives the findings
 */
struct cut {
	struct vhdx_session *session;
	struct vhdx_image *image;
	struct vhdx_shape shape;
	__le64 *batch;
	struct vhdx_report *report;
};

/**
 * vhdx_shorten_fault() - find out why a disk cannot get a smaller size
 * @image: the image
 * @size: wanted size of the virtual disk in bytes
 *
 * The contents of the disk do not count.
 *
 * Context: any.
 * Return: NULL if it can, or the reason in words.
 */
const char *vhdx_shorten_fault(const struct vhdx_image *image, u64 size)
{
	const struct vhdx_params *params = &image->params;
	const char *fault = vhdx_size_fault(size, params->logical_sector);

	if (fault)
		return fault;
	if (size > params->size)
		return "the disk is smaller than that";
	return NULL;
}

static int failed(struct cut *c, const char *what, u64 pos, int err)
{
	return vhdx_refuse(c->report, err, VHDX_AT(what, pos),
			   "of what lay behind the new end of the disk cannot be cleared: %s (%d); the disk has its new size",
			   vhdx_errno_words(err), -err);
}

/*
 * Set *@used if the disk has used the entry so far. Behind its old end, an
 * earlier cut that a crash ended may have left entries, whose space may have
 * another owner by now: the survey has not looked at them. The BAT of a child
 * reaches up to the end of the last chunk.
 */
static bool vanishes(const struct cut *c, u64 index, bool *payload, bool *used)
{
	const struct vhdx_bat *from = &c->image->bat, *to = &c->shape.to;
	u64 number;

	*payload = vhdx_bat_entry_at(from, index, &number);
	*used = number < (*payload ? from->blocks : from->chunks);
	return number >= (*payload ? to->blocks : to->chunks);
}

/* The survey has found that the space of a block has no other owner. */
static void give_back(struct cut *c, u64 index, u64 entry, bool payload)
{
	const struct vhdx_bat *bat = &c->image->bat;
	struct vhdx_store *store = c->image->store;
	u64 size = payload ? vhdx_bat_block_size(bat) : VHDX_BITMAP_BLOCK_SIZE;

	if (!vhdx_entry_present(entry) ||
	    (!payload && !bat->differencing) ||
	    vhdx_bat_fault(bat, &c->image->limits, index, entry) ||
	    vhdx_entry_offset(entry) + size > store->size)
		return;
	/* A failure is harmless: the store keeps the space. */
	store->ops->discard(store, vhdx_entry_offset(entry), size);
}

/* Clear entries behind the end. Return true if the batch has changed. */
static bool clear_batch(struct cut *c, u64 first, u64 count)
{
	bool changed = false, payload, used;
	u64 i;

	for (i = 0; i < count; i++) {
		if (!c->batch[i] ||
		    !vanishes(c, first + i, &payload, &used))
			continue;
		if (used)
			give_back(c, first + i, le64_to_cpu(c->batch[i]),
				  payload);
		c->batch[i] = 0;
		changed = true;
	}
	return changed;
}

/*
 * The page with entries on both sides of the end is written in place, too: a
 * torn write cannot damage the entries that stay, since their bytes do not
 * change.
 */
static int clear_entries(struct cut *c)
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 end = bat->pages * VHDX_BAT_ENTRIES_PER_PAGE;
	u64 first = vhdx_bat_payload_index(bat, c->shape.to.blocks - 1) + 1;
	u64 count, pos;
	int r = 0;

	first = ALIGN_DOWN(first, (u64)VHDX_BAT_ENTRIES_PER_PAGE);
	for (; first < end && !r; first += count) {
		count = min_t(u64, end - first, BATCH_ENTRIES);
		pos = vhdx_bat_file_offset(bat, first);
		r = vhdx_image_read(c->image, pos, c->batch,
				    count * sizeof(__le64));
		if (!r && clear_batch(c, first, count))
			r = vhdx_store_write(c->image->store, pos, c->batch,
					     count * sizeof(__le64));
		cond_resched();
	}
	return r ? failed(c, "BAT region", bat->offset, r) : 0;
}

/* Clear the bits of a page that are for sectors behind the end. */
static int clear_tail(struct cut *c, u64 at)
{
	const struct vhdx_bat *to = &c->shape.to;
	u64 reach = vhdx_bitmap_reach(to);
	int r = vhdx_image_read(c->image, at, c->batch, VHDX_PAGE);

	if (r)
		return r;
	vhdx_bitmap_clear(to, c->batch, to->size,
			  reach - (to->size & (reach - 1)));
	return vhdx_store_write(c->image->store, at, c->batch, VHDX_PAGE);
}

/* In the bitmap of the last chunk that stays. */
static int clear_bits(struct cut *c)
{
	const struct vhdx_bat *to = &c->shape.to;
	struct vhdx_store *store = c->image->store;
	u64 index = vhdx_bat_bitmap_index(to, to->chunks - 1);
	u64 page = vhdx_bitmap_page(to, to->size) -
		   ((to->chunks - 1) << VHDX_BITMAP_PAGES_SHIFT);
	u64 start, at, entry;
	__le64 disk;
	int r;

	if (!to->differencing || page >> VHDX_BITMAP_PAGES_SHIFT)
		return 0;
	r = vhdx_image_read(c->image, vhdx_bat_file_offset(to, index), &disk,
			    sizeof(disk));
	entry = r ? 0 : le64_to_cpu(disk);
	if ((int)vhdx_entry_state(entry) != VHDX_BITMAP_PRESENT)
		return r ? failed(c, "BAT region", to->offset, r) : 0;
	start = vhdx_entry_offset(entry);
	at = start + page * VHDX_PAGE;
	if (to->size & (vhdx_bitmap_reach(to) - 1)) {
		r = clear_tail(c, at);
		at += VHDX_PAGE;
	}
	if (!r && at < start + VHDX_BITMAP_BLOCK_SIZE)
		r = store->ops->zero(store, at,
				     start + VHDX_BITMAP_BLOCK_SIZE - at);
	return r ? failed(c, "sector bitmap", start, r) : 0;
}

static int publish(struct cut *c, struct vhdx_edit *edit)
{
	int r = vhdx_session_work(c->session, VHDX_WORK_BEGIN);

	if (!r)
		r = vhdx_session_ready(c->session);
	if (r == -ENOSPC)
		return vhdx_refuse(c->report, r, VHDX_AT("file", 0),
				   "has no room to begin writing");
	if (!r)
		r = vhdx_edit_size(edit, c->shape.to.size);
	return r ? r : vhdx_edit_commit(edit);
}

/* A fixed image may become shorter here, and here alone. */
static int cut_file(struct cut *c)
{
	struct vhdx_session *session = c->session;
	int r;

	vhdx_shape_take(&c->shape, session, &c->shape.to, 0);
	r = vhdx_session_survey(session);
	if (r)
		return r;
	session->found_size = vhdx_image_least(c->image);
	vhdx_session_trim(session);
	return vhdx_store_flush(c->image->store);
}

static int shorten(struct cut *c, struct vhdx_edit *edit)
{
	int r = vhdx_session_survey(c->session), ended;
	bool published;

	if (!r)
		r = publish(c, edit);
	published = !r;
	if (!r)
		r = clear_entries(c);
	if (!r)
		r = clear_bits(c);
	ended = vhdx_session_end(c->session);
	if (!r)
		r = ended;
	if (!r && published)
		r = cut_file(c);
	return r;
}

/**
 * vhdx_shorten() - make the virtual disk smaller, and end the session
 * @session: a session that is not live, over an image that nobody else uses
 * @size: new size of the virtual disk in bytes; vhdx_shorten_fault() has found
 *	nothing against it
 * @report: receives the findings
 *
 * Context: may sleep.
 * Return: 0: the image and the session have the new geometry; or a negative errno:
 * the disk has its old size, or a finding says that it has the new one. The caller
 * closes the image then.
 */
int vhdx_shorten(struct vhdx_session *session, u64 size,
		 struct vhdx_report *report)
{
	struct cut c = {
		.session = session,
		.image = session->image,
		.report = report,
	};
	struct vhdx_edit *edit = vhdx_edit_new(session, report);
	int r;

	if (IS_ERR(edit))
		return PTR_ERR(edit);
	r = vhdx_shape_init(&c.shape, c.image, size);
	c.batch = kvmalloc(BATCH_BYTES, GFP_KERNEL);
	if (!r)
		r = c.batch ? shorten(&c, edit) : -ENOMEM;
	kvfree(c.batch);
	vhdx_edit_free(edit);
	vhdx_shape_exit(&c.shape);
	return r;
}
