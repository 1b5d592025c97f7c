// SPDX-License-Identifier: GPL-2.0-only
#include "compact.h"
#include "copy.h"
#include "edit.h"
#include "spot.h"

/* The part of the BAT that is in memory at a time. */
#define BATCH_BYTES	(64 * VHDX_KIB)
#define BATCH_ENTRIES	(BATCH_BYTES / sizeof(__le64))

/* Read and written at once. */
#define COPY_STEP	(4 * VHDX_MIB)

/* A crash loses the copying of at most this many bytes. */
#define COMMIT_EACH	(256 * VHDX_MIB)

/**
 * struct compaction - a plan that is carried out
 * @session: writes the image
 * @image: the image
 * @plan: what moves where
 * @progress: called for progress, or NULL
 * @report: receives the findings
 * @batch: BAT entries that were read last
 * @data: COPY_STEP bytes on their way
 * @next: byte offset from which on the places for payload blocks and for sector
 *	bitmap blocks are not used yet
 * @done: bytes copied
 * @since: bytes copied since the last commit
 */
struct compaction {
	struct vhdx_session *session;
	struct vhdx_image *image;
	const struct vhdx_plan *plan;
	struct vhdx_progress *progress;
	struct vhdx_report *report;
	__le64 *batch;
	u8 *data;
	u64 next[2];
	u64 done;
	u64 since;
};

/* Report an errno that came without a finding; the session goes on. */
static int store_failed(struct compaction *c, const char *what, u64 pos,
			int err)
{
	if (vhdx_store_no_room(err))
		return vhdx_refuse(c->report, -ENOSPC, VHDX_AT(what, pos),
				   "there is no room to move it: %s (%d)",
				   vhdx_errno_words(err), -err);
	return vhdx_refuse(c->report, err, VHDX_AT(what, pos),
			   "cannot be moved: %s (%d)", vhdx_errno_words(err),
			   -err);
}

/* Nobody else does I/O, so the space that was freed is free after a commit. */
static int commit(struct compaction *c, unsigned int flags)
{
	int r = vhdx_session_work(c->session, flags | VHDX_WORK_COMMIT);

	while (!r && vhdx_session_drain(c->session))
		while (vhdx_session_drained(c->session))
			;
	if (!r)
		c->since = 0;
	return r;
}

static int tell(struct compaction *c)
{
	return c->progress ? c->progress->step(c->progress, c->done,
					       max(c->plan->moves, c->done)) :
			     0;
}

static int copy_range(struct compaction *c, u64 from, u64 to, u64 length)
{
	u64 at, len;
	int r = 0;

	for (at = 0; at < length && !r; at += len) {
		len = min(length - at, COPY_STEP);
		r = tell(c);
		if (!r)
			r = vhdx_copy_range(c->image, from + at, to + at,
					    c->data, len);
		if (!r)
			c->done += len;
		cond_resched();
	}
	return r;
}

/* If the store is full, the old places of earlier moves may make room. */
static int copy(struct compaction *c, const char *what, u64 from, u64 to,
		u64 length)
{
	u64 done = c->done;
	int r = copy_range(c, from, to, length);

	if (vhdx_store_no_room(r) && vhdx_session_reclaims(c->session)) {
		r = commit(c, 0);
		if (r)
			return r;
		c->done = done;
		r = copy_range(c, from, to, length);
	}
	if (r && r != -EINTR)
		return store_failed(c, what, from, r);
	c->since += length;
	return r;
}

static int load(struct compaction *c, const struct vhdx_miss *miss)
{
	int r = vhdx_image_load(miss);

	if (r != -ENOMEM)
		return r;
	/* All pages may be in the journal. */
	r = commit(c, VHDX_WORK_CHECKPOINT);
	return r ? r : vhdx_image_load(miss);
}

/* Change an entry in the open transaction, and the owner of its space. */
static int change_entry(struct compaction *c, u64 index, u64 from, u64 to,
			u64 space, struct vhdx_miss *miss)
{
	struct vhdx_session *session = c->session;
	struct vhdx_spot spot;
	int r;

	r = vhdx_spot_entry(session, index, &spot, miss);
	if (r)
		return r;
	if (WARN_ON_ONCE(spot.entry != from))
		return -EIO;
	if (!vhdx_journal_touch(&session->journal, spot.page))
		return -EBUSY;
	vhdx_spot_publish(&spot, to);
	if (vhdx_entry_present(to))
		vhdx_space_take(&session->space, vhdx_entry_offset(to), space);
	vhdx_space_release(&session->space, vhdx_entry_offset(from), space);
	return 0;
}

static int publish(struct compaction *c, u64 index, u64 from, u64 to, u64 space)
{
	spinlock_t *lock = &c->image->pool.lock;
	struct vhdx_miss miss;
	int r;

	for (;;) {
		spin_lock(lock);
		r = change_entry(c, index, from, to, space, &miss);
		spin_unlock(lock);
		if (r == -EAGAIN)
			r = load(c, &miss);
		else if (r == -EBUSY)
			r = commit(c, 0);
		else
			return r;
		if (r)
			return r;
	}
}

/* Free the space of an entry. The block still reads as zeros. */
static int give_up(struct compaction *c, u64 index, u64 entry)
{
	enum vhdx_block_state state = vhdx_entry_state(entry);
	u64 number, space;
	bool payload;

	if (!test_bit(index, c->plan->empty))
		return 0;
	space = vhdx_bat_space(&c->image->bat, index, entry, &payload, &number);
	if (!payload)
		state = VHDX_BLOCK_NOT_PRESENT;
	else if (vhdx_entry_present(entry))
		state = VHDX_BLOCK_ZERO;
	return publish(c, index, entry, state, space);
}

static int lower_entry(struct compaction *c, u64 index, u64 entry)
{
	u64 from = vhdx_entry_offset(entry), to, number, space;
	bool payload;
	u64 *next;
	int r;

	if (!vhdx_entry_present(entry) || from < c->plan->end)
		return 0;
	space = vhdx_bat_space(&c->image->bat, index, entry, &payload, &number);
	if (!space)
		return 0;
	next = &c->next[payload];
	to = vhdx_plan_slot(c->plan, payload ? VHDX_UNIT_BLOCK_TO :
					       VHDX_UNIT_BITMAP_TO, *next);
	if (WARN_ON_ONCE(to == U64_MAX))
		return -EIO;
	*next = to + space;
	r = copy(c, payload ? "payload block" : "sector bitmap block", from, to,
		 space);
	if (!r)
		r = publish(c, index, entry, to | vhdx_entry_state(entry),
			    space);
	if (!r && c->since >= COMMIT_EACH)
		r = commit(c, 0);
	return r;
}

/* Call @change for each entry, in order; it may change this one. */
static int for_entries(struct compaction *c,
		       int (*change)(struct compaction *c, u64 index, u64 entry))
{
	const struct vhdx_bat *bat = &c->image->bat;
	u64 first, count, i;
	int r = 0;

	for (first = 0; first < bat->entries && !r; first += count) {
		count = min_t(u64, bat->entries - first, BATCH_ENTRIES);
		r = vhdx_image_read(c->image, vhdx_bat_file_offset(bat, first),
				    c->batch, count * sizeof(__le64));
		if (r)
			return store_failed(c, "BAT region", bat->offset, r);
		r = tell(c);
		for (i = 0; i < count && !r; i++)
			r = change(c, first + i, le64_to_cpu(c->batch[i]));
	}
	return r;
}

static int begin_session(struct compaction *c)
{
	struct vhdx_session *session = c->session;
	int r;

	vhdx_session_begin_under(session, vhdx_image_identity(c->image));
	r = vhdx_session_work(session, VHDX_WORK_BEGIN);
	if (!r)
		r = vhdx_session_ready(session);
	if (r == -ENOSPC)
		return vhdx_refuse(c->report, r, VHDX_AT("file", 0),
				   "has no room to begin writing");
	/* A fixed image may get shorter, but keeps room for all its blocks. */
	session->found_size = c->plan->length;
	return r;
}

/* Give back the space between blocks that nobody owns. */
static void discard_holes(struct compaction *c)
{
	struct vhdx_store *store = c->image->store;
	u64 pos = 0, length;

	for (;; pos += length) {
		pos = vhdx_plan_hole(c->plan, pos, &length);
		if (pos == U64_MAX)
			return;
		/* A failure is harmless: the store keeps the space. */
		store->ops->discard(store, pos, length);
	}
}

static int move_blocks(struct compaction *c)
{
	int r = begin_session(c), ended;

	if (!r && c->plan->empties)
		r = for_entries(c, give_up);
	/* Their space may get another owner, and the BAT is read once more. */
	if (!r && c->plan->empties)
		r = commit(c, VHDX_WORK_CHECKPOINT);
	if (!r && c->plan->moved)
		r = for_entries(c, lower_entry);
	ended = vhdx_session_end(c->session);
	return r ? r : ended;
}

static int copy_region(struct compaction *c, const struct vhdx_region *region,
		       u64 to, struct vhdx_region_place *place)
{
	place->guid = &region->guid;
	place->offset = to;
	place->length = region->length;
	return copy(c, region->name, region->offset, to, region->length);
}

static int put_regions(struct compaction *c, struct vhdx_edit *edit)
{
	const struct vhdx_regions *regions = &c->image->regions;
	const struct vhdx_plan *plan = c->plan;
	struct vhdx_region_place place[2];
	u32 count = 0;
	int r = 0;

	if (plan->bat_to)
		r = copy_region(c, &regions->bat, plan->bat_to,
				&place[count++]);
	if (plan->metadata_to && !r)
		r = copy_region(c, &regions->metadata, plan->metadata_to,
				&place[count++]);
	if (!r)
		r = vhdx_edit_regions(edit, place, count);
	return r ? r : vhdx_edit_commit(edit);
}

/* The end of the session cuts the file by what is owned. */
static void own_place(struct compaction *c, const struct vhdx_region *region,
		      u64 to)
{
	struct vhdx_space *space = &c->session->space;

	if (!to)
		return;
	spin_lock(&c->image->pool.lock);
	vhdx_space_untake(space, region->offset, region->length);
	vhdx_space_take(space, to, region->length);
	spin_unlock(&c->image->pool.lock);
}

/* Discard the old place on a block device; a file has already been cut. */
static void discard_region(struct compaction *c,
			   const struct vhdx_region *region, u64 to)
{
	struct vhdx_store *store = c->image->store;

	if (to && region->offset + region->length <= store->size)
		store->ops->discard(store, region->offset, region->length);
}

static int move_regions(struct compaction *c)
{
	const struct vhdx_regions *regions = &c->image->regions;
	struct vhdx_edit *edit = vhdx_edit_new(c->session, c->report);
	int r, ended;

	if (IS_ERR(edit))
		return PTR_ERR(edit);
	r = begin_session(c);
	if (!r)
		r = put_regions(c, edit);
	if (!r) {
		own_place(c, &regions->bat, c->plan->bat_to);
		own_place(c, &regions->metadata, c->plan->metadata_to);
	}
	ended = vhdx_session_end(c->session);
	if (!r && !ended) {
		discard_region(c, &regions->bat, c->plan->bat_to);
		discard_region(c, &regions->metadata, c->plan->metadata_to);
	}
	vhdx_edit_free(edit);
	return r ? r : ended;
}

/**
 * vhdx_compact() - carry out a plan
 * @session: a session that is not live, over an image that nobody else uses
 * @plan: of this image, as it is
 * @progress: called for progress, in bytes copied, and may stop the compaction;
 *	or NULL
 * @report: receives the findings
 *
 * If it stops early, what has moved stays where it is, and a new plan goes on.
 * Afterwards the image must be closed and opened again.
 *
 * Context: may sleep.
 * Return: 0; or a negative errno: what @progress returned; or after a finding:
 * -EROFS if the image must not be written, -ENOSPC, or an errno of the store;
 * -ENOMEM. Unless the session has failed, the file is clean.
 */
int vhdx_compact(struct vhdx_session *session, const struct vhdx_plan *plan,
		 struct vhdx_progress *progress, struct vhdx_report *report)
{
	struct compaction c = {
		.session = session,
		.image = session->image,
		.plan = plan,
		.progress = progress,
		.report = report,
	};
	bool regions = plan->bat_to || plan->metadata_to;
	int r = 0;

	c.batch = kvmalloc(BATCH_BYTES, GFP_KERNEL);
	c.data = kvmalloc(COPY_STEP, GFP_KERNEL);
	if (!c.batch || !c.data)
		r = -ENOMEM;
	if (!r && (plan->moved || plan->empties || !regions))
		r = move_blocks(&c);
	if (!r && regions)
		r = move_regions(&c);
	if (!r)
		discard_holes(&c);
	kvfree(c.data);
	kvfree(c.batch);
	return r;
}
