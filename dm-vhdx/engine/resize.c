// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"
#include "reshape.h"
#include "resize.h"

/* The part of the BAT that is in memory at a time. */
#define BATCH_BYTES	(64 * VHDX_KIB)
#define BATCH_ENTRIES	(BATCH_BYTES / sizeof(__le64))

/**
 * struct growth - the state of a resize
 * @session: writes the image; live
 * @image: the image, with its old geometry
 * @to: the new geometry
 * @region: length of the new BAT region in bytes; 0 if the BAT does not move
 * @batch: BAT entries on their way
 * @progress: called for progress, or NULL
 * @report: receives the findings
 */
struct growth {
	struct vhdx_session *session;
	struct vhdx_image *image;
	struct vhdx_bat to;
	u64 region;
	__le64 *batch;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
};

/**
 * vhdx_resize_fault() - find out why a disk cannot get a size
 * @image: the image
 * @size: wanted size of the virtual disk in bytes
 * @parent_size: size of the parent's disk in bytes; 0 if there is no parent
 *
 * Context: any.
 * Return: NULL if it can, or the reason in words.
 * Source: [MS-VHDX] 2.6.2.2.
 */
const char *vhdx_resize_fault(const struct vhdx_image *image, u64 size,
			      u64 parent_size)
{
	const struct vhdx_params *params = &image->params;
	const char *fault = vhdx_size_fault(size, params->logical_sector);

	if (fault)
		return fault;
	if (size < params->size)
		return "the disk is larger; vhdxsetup resize --shrink makes it smaller";
	if (params->has_parent && parent_size > params->size)
		return "its parent is larger, and would show through where the disk grows";
	return NULL;
}

static void new_geometry(const struct vhdx_image *image, u64 size,
			 struct vhdx_bat *to)
{
	struct vhdx_params params = image->params;

	params.size = size;
	vhdx_bat_init(to, &params, image->bat.offset);
}

/**
 * vhdx_resize_moves() - test whether the BAT must move
 * @image: the image
 * @size: new size of the virtual disk in bytes
 *
 * Context: any.
 * Return: true if the BAT region is too short for the new size.
 */
bool vhdx_resize_moves(const struct vhdx_image *image, u64 size)
{
	struct vhdx_bat to;

	new_geometry(image, size, &to);
	return to.pages * VHDX_PAGE > image->regions.bat.length;
}

static int store_failed(struct growth *g, const char *what, u64 pos, int err)
{
	return vhdx_refuse(g->report, err, VHDX_AT(what, pos),
			   "cannot be made ready for a larger disk: %s (%d)",
			   vhdx_errno_words(err), -err);
}

/* Zero bytes of the file at any alignment; nobody else writes to their pages. */
static int zero_bytes(struct growth *g, u64 pos, u64 end)
{
	struct vhdx_store *store = g->image->store;
	u64 page = ALIGN_DOWN(pos, (u64)VHDX_PAGE);
	u8 *buf = (u8 *)g->batch;
	int r = 0;

	if (page != pos) {
		r = vhdx_store_read(store, page, buf, VHDX_PAGE);
		memset(buf + (pos - page), 0, VHDX_PAGE - (pos - page));
		if (!r)
			r = vhdx_store_write(store, page, buf, VHDX_PAGE);
		pos = page + VHDX_PAGE;
	}
	if (!r && pos < end)
		r = store->ops->zero(store, pos, end - pos);
	return r;
}

/*
 * The rest of the last block may hold anything. In a child, stale bits may say
 * that it counts, so the data is cleared whatever the bits say.
 */
static int clear_tail(struct growth *g)
{
	const struct vhdx_bat *bat = &g->image->bat;
	u64 used = bat->size - ((bat->blocks - 1) << bat->block_shift);
	u64 entry, start;
	int r;

	r = vhdx_image_read_entry(g->image,
				  vhdx_bat_payload_index(bat, bat->blocks - 1),
				  &entry);
	if (r)
		return store_failed(g, "BAT region", bat->offset, r);
	if (!vhdx_entry_present(entry) || used == vhdx_bat_block_size(bat))
		return 0;
	start = vhdx_entry_offset(entry);
	r = zero_bytes(g, start + used, start + vhdx_bat_block_size(bat));
	return r ? store_failed(g, "the last payload block", start, r) : 0;
}

/* Return true if the old disk has a block of this number and kind. */
static bool is_old(const struct vhdx_bat *bat, bool payload, u64 number)
{
	if (payload)
		return number < bat->blocks;
	return bat->differencing && number < bat->chunks;
}

/* The blocks of a fixed image have their space from the start. */
static int allocate_fixed(struct growth *g, u64 number, __le64 *entry)
{
	u64 offset;
	int r;

	if (!g->image->params.leave_allocated || number >= g->to.blocks)
		return 0;
	r = vhdx_session_space(g->session, vhdx_bat_block_size(&g->to),
			       &offset);
	if (r)
		return vhdx_refuse(g->report, r, VHDX_AT("file", 0),
				   "has no room for block %llu of the fixed disk: %s (%d)",
				   number, vhdx_errno_words(r), -r);
	*entry = cpu_to_le64(offset | VHDX_BLOCK_FULLY_PRESENT);
	return 0;
}

/* Fill the batch from entry @first on. Set *@empty if all of it is zeros. */
static int fill_batch(struct growth *g, u64 first, u64 count, bool *empty)
{
	const struct vhdx_bat *from = &g->image->bat;
	u64 i;
	int r = 0;

	*empty = true;
	memset(g->batch, 0, BATCH_BYTES);
	if (first < from->pages * VHDX_BAT_ENTRIES_PER_PAGE)
		r = vhdx_image_read(g->image, vhdx_bat_file_offset(from, first),
				    g->batch, count * sizeof(__le64));
	if (r)
		return store_failed(g, "BAT region", from->offset, r);
	for (i = 0; i < count && !r; i++) {
		u64 number;
		bool payload = vhdx_bat_entry_at(&g->to, first + i, &number);

		if (!is_old(from, payload, number)) {
			g->batch[i] = 0;
			if (payload)
				r = allocate_fixed(g, number, &g->batch[i]);
		}
		*empty &= !g->batch[i];
	}
	return r;
}

static int write_batch(struct growth *g, u64 first, u64 count)
{
	struct vhdx_store *store = g->image->store;
	u64 pos = vhdx_bat_file_offset(&g->to, first);
	u64 bytes = count * sizeof(__le64);
	bool empty;
	int r;

	r = fill_batch(g, first, count, &empty);
	if (r)
		return r;
	if (!empty)
		r = vhdx_store_write(store, pos, g->batch, bytes);
	/* The space of a new region reads as zeros. */
	else if (!g->region)
		r = store->ops->zero(store, pos, bytes);
	return r ? store_failed(g, "BAT region", pos, r) : 0;
}

/*
 * A page that has both old and new entries is written in place, too: a torn write
 * leaves the old ones as they are, since their bytes do not change.
 */
static int write_entries(struct growth *g)
{
	u64 end = g->to.pages * VHDX_BAT_ENTRIES_PER_PAGE;
	u64 last_block = g->image->bat.blocks - 1;
	u64 first = 0, count;
	int r = 0;

	/* From the entry behind that of the old last block on. */
	if (!g->region)
		first = ALIGN_DOWN(vhdx_bat_payload_index(&g->to,
							  last_block) + 1,
				   (u64)VHDX_BAT_ENTRIES_PER_PAGE);
	for (; first < end && !r; first += count) {
		count = min_t(u64, end - first, BATCH_ENTRIES);
		if (g->progress)
			r = g->progress->step(g->progress, first, end);
		if (!r)
			r = write_batch(g, first, count);
	}
	return r;
}

static int find_region(struct growth *g)
{
	u64 offset;
	int r;

	if (!g->region)
		return 0;
	r = vhdx_session_space(g->session, g->region, &offset);
	if (r)
		return vhdx_refuse(g->report, r,
				   VHDX_AT("BAT region", g->image->bat.offset),
				   "must move, and there is no room for its 0x%llx bytes: %s (%d)",
				   g->region, vhdx_errno_words(r), -r);
	g->to.offset = offset;
	return 0;
}

/* The edit must outlive the session: its pages are in the journal. */
static int publish(struct growth *g, struct vhdx_edit *edit)
{
	const struct vhdx_region_place bat = {
		.guid = &VHDX_GUID_BAT,
		.offset = g->to.offset,
		.length = g->region,
	};
	int r = vhdx_edit_size(edit, g->to.size);

	if (!r && g->region)
		r = vhdx_edit_regions(edit, &bat, 1);
	return r ? r : vhdx_edit_commit(edit);
}

static int grow(struct growth *g, struct vhdx_edit *edit)
{
	int r = vhdx_session_work(g->session, VHDX_WORK_BEGIN);

	if (!r)
		r = vhdx_session_ready(g->session);
	if (r == -ENOSPC)
		return vhdx_refuse(g->report, r, VHDX_AT("file", 0),
				   "has no room to begin writing");
	if (!r)
		r = clear_tail(g);
	if (!r)
		r = find_region(g);
	if (!r)
		r = write_entries(g);
	return r ? r : publish(g, edit);
}

/*
 * What was taken for a larger region, or for blocks of a fixed disk, and is not
 * published is nobody's: the BAT tells. A fixed image keeps the length that it
 * was found with. The end of a live session needs the whole map: it cuts the file
 * behind what is owned.
 */
static void give_back_space(struct growth *g, u64 found_size)
{
	struct vhdx_session *session = g->session;

	if (session->mode != VHDX_MODE_RW || !session->live)
		return;
	session->surveyed = false;
	if (vhdx_session_survey(session))
		vhdx_session_fail(session, VHDX_AT("file", 0),
				  "its free space is not known");
	else
		session->found_size = found_size;
}

/* The session has been surveyed. */
static int grow_or_give_back(struct growth *g, struct vhdx_edit *edit)
{
	u64 found_size = g->session->found_size;
	int r = grow(g, edit);

	if (r)
		give_back_space(g, found_size);
	return r;
}

/* Grow the disk, and end the session. */
static int resize(struct growth *g, u64 size)
{
	struct vhdx_session *session = g->session;
	struct vhdx_edit *edit = vhdx_edit_new(session, g->report);
	int r, ended;

	if (IS_ERR(edit))
		return PTR_ERR(edit);
	new_geometry(g->image, size, &g->to);
	if (vhdx_resize_moves(g->image, size))
		g->region = ALIGN(g->to.pages * VHDX_PAGE, VHDX_ALIGN);
	g->batch = kvmalloc(BATCH_BYTES, GFP_KERNEL);
	r = vhdx_session_survey(session);
	if (!r)
		r = g->batch ? grow_or_give_back(g, edit) : -ENOMEM;
	ended = vhdx_session_end(session);
	vhdx_edit_free(edit);
	kvfree(g->batch);
	return r ? r : ended;
}

/**
 * vhdx_resize() - grow the virtual disk, and end the session
 * @session: a session that is not live, over an image that nobody else uses
 * @size: new size of the virtual disk in bytes; vhdx_resize_fault() has found
 *	nothing against it
 * @progress: called for progress, in BAT entries, and may stop the resize before
 *	the new size is published; or NULL
 * @report: receives the findings
 *
 * The image still has its old geometry; the caller closes it.
 *
 * Context: may sleep.
 * Return: 0; or a negative errno: if the session has not failed, the disk has its
 * old size.
 */
int vhdx_resize(struct vhdx_session *session, u64 size,
		struct vhdx_progress *progress, struct vhdx_report *report)
{
	struct growth g = {
		.session = session,
		.image = session->image,
		.progress = progress,
		.report = report,
	};

	return resize(&g, size);
}

/**
 * vhdx_resize_live() - grow the virtual disk, and have its image go on
 * @session: a session that is not live. No bio is under way to its image, a
 *	grace period of RCU has passed since, and nobody looks anything up in it.
 * @size: as for vhdx_resize()
 * @report: receives the findings
 *
 * Context: may sleep; the committer, while the space worker rests.
 * Return: 0: the image has its new geometry, and the session can begin anew; or
 * as vhdx_resize().
 */
int vhdx_resize_live(struct vhdx_session *session, u64 size,
		     struct vhdx_report *report)
{
	struct vhdx_shape shape;
	struct growth g = {
		.session = session,
		.image = session->image,
		.report = report,
	};
	int r = vhdx_shape_init(&shape, g.image, size);

	if (!r) {
		vhdx_session_refresh(session);
		r = resize(&g, size);
	}
	if (!r)
		vhdx_shape_take(&shape, session, &g.to, g.region);
	vhdx_shape_exit(&shape);
	return r;
}
