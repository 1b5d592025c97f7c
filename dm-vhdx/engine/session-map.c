// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a write, a discard or a write of zeros does to the BAT, in memory.
 */
#include "child.h"

/* So that a discard of the whole disk does not keep the lock for long. */
#define ZERO_BLOCKS_MAX	1024U

/*
 * The old space of a block that was unmapped earlier, its anchor, is not freed
 * here: nothing guards it against lying in the wrong place. It is free for the
 * next one who looks, since no entry names it any more.
 */
static void release_entry(struct vhdx_session *session, u64 entry)
{
	if (!vhdx_entry_present(entry))
		return;
	vhdx_space_release(&session->space, vhdx_entry_offset(entry),
			   vhdx_bat_block_size(&session->image->bat));
	session->stats.freed++;
}

static u64 next_prepared(const struct vhdx_session *session)
{
	return session->prepared[session->prepared_first];
}

/*
 * Gives an absent block space. Since that reads as zeros, the block may be seen
 * at once, before it is written; if it showed the parent, it goes on to do so.
 */
static int allocate_block(struct vhdx_session *session, u64 pos,
			  struct vhdx_spot *spot, struct vhdx_miss *miss)
{
	if (session->prepared_count <= session->prepared_goal / 2)
		WRITE_ONCE(session->wanted, true);
	if (vhdx_child_shows_parent(session, spot->entry))
		return vhdx_child_allocate(session, spot, pos, miss);
	if (!session->prepared_count)
		return vhdx_spot_short_of(session);
	if (!vhdx_journal_touch(&session->journal, spot->page))
		return -EBUSY;
	vhdx_spot_take(session, spot, VHDX_BLOCK_FULLY_PRESENT);
	return 0;
}

static int map_first(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss)
{
	struct vhdx_spot spot;
	int r;

	r = vhdx_spot_find(session, pos, len, &spot, miss);
	if (!r && !vhdx_entry_present(spot.entry))
		r = allocate_block(session, pos, &spot, miss);
	if (r)
		return r;
	*run = (struct vhdx_run){
		.kind = VHDX_RUN_DATA,
		.absent = vhdx_child_lacks(session, &spot, pos),
		.offset = vhdx_entry_offset(spot.entry) + spot.in_block,
		.length = spot.length,
	};
	return 0;
}

/* Does the run go on into the next block, or can it be made to? */
static bool map_more(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run)
{
	struct vhdx_miss miss;
	struct vhdx_spot spot;

	/* In a child, a run ends with its block: the next one has other bits. */
	if (session->image->bat.differencing)
		return false;
	if (vhdx_spot_find(session, pos, len, &spot, &miss))
		return false;
	if (!vhdx_entry_present(spot.entry)) {
		if (!session->prepared_count ||
		    next_prepared(session) != run->offset + run->length ||
		    allocate_block(session, pos, &spot, &miss))
			return false;
	}
	if (vhdx_entry_offset(spot.entry) != run->offset + run->length)
		return false;
	run->length += spot.length;
	return true;
}

/**
 * vhdx_session_map() - where may these bytes of the virtual disk be written?
 * @session: the session
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: the piece from @pos on, up to @len, that lies together; always
 *	VHDX_RUN_DATA of layer 0
 * @miss: on -EAGAIN, what vhdx_image_load() must bring in first
 *
 * Blocks that are absent get space, in memory; the next commit makes that
 * durable. When an @absent run has been written, vhdx_session_wrote() must
 * follow.
 *
 * Context: process context; takes the pool's lock; no I/O, no allocation.
 * Return: 0; -EAGAIN; -EBUSY if vhdx_session_work() with VHDX_WORK_BEGIN must
 * come first; -EINPROGRESS if vhdx_session_prepare() must; -ENOSPC if one of them
 * found no room; -EROFS if the session has failed; -EIO if the BAT says what
 * cannot be; -EINVAL for what is not whole sectors of the virtual disk.
 */
int vhdx_session_map(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	int r;

	if (!vhdx_image_has_range(session->image, pos, len))
		return -EINVAL;
	spin_lock(lock);
	r = vhdx_session_ready(session);
	if (!r)
		r = map_first(session, pos, len, run, miss);
	while (!r && run->length < len)
		if (!map_more(session, pos + run->length, len - run->length,
			      run))
			break;
	spin_unlock(lock);
	return r;
}

/* The last block of the disk may be longer than what is left of the disk. */
static bool is_whole(const struct vhdx_bat *bat, u64 pos,
		     const struct vhdx_spot *spot)
{
	return !spot->in_block &&
	       (spot->length == vhdx_bat_block_size(bat) ||
		pos + spot->length == bat->size);
}

/*
 * Other readers may show what an unmapped or undefined block held before, so
 * that zeros must be said; without a parent, an absent one is zeros to all. One
 * that shows the parent is not, and has nothing that a discard could give up.
 */
static bool says_enough(const struct vhdx_session *session, enum vhdx_zero why,
			u64 entry)
{
	if (vhdx_child_shows_parent(session, entry))
		return why == VHDX_ZERO_DISCARD;
	switch (vhdx_entry_state(entry)) {
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_UNMAPPED:
		return why == VHDX_ZERO_DISCARD;
	default:
		return !vhdx_entry_present(entry);
	}
}

static int change_state(struct vhdx_session *session, enum vhdx_zero why,
			struct vhdx_spot *spot)
{
	if (!vhdx_journal_touch(&session->journal, spot->page))
		return -EBUSY;
	release_entry(session, spot->entry);
	vhdx_spot_publish(spot, why == VHDX_ZERO_DISCARD ?
					VHDX_BLOCK_UNMAPPED : VHDX_BLOCK_ZERO);
	return 0;
}

/* What is not present becomes zeros whole, unless it shows the parent. */
static bool is_all(const struct vhdx_session *session, u64 pos,
		   const struct vhdx_spot *spot, bool keep)
{
	const struct vhdx_bat *bat = &session->image->bat;

	if (vhdx_entry_present(spot->entry))
		return is_whole(bat, pos, spot) && !keep;
	return is_whole(bat, pos, spot) ||
	       !vhdx_child_shows_parent(session, spot->entry);
}

/* One block; the blocks of a fixed image keep their space. */
static int zero_block(struct vhdx_session *session, enum vhdx_zero why, u64 pos,
		      u64 len, struct vhdx_run *run, struct vhdx_miss *miss)
{
	bool keep = session->image->params.leave_allocated ||
		    why == VHDX_ZERO_KEEP;
	struct vhdx_spot spot;
	int r;

	r = vhdx_spot_find(session, pos, len, &spot, miss);
	if (r)
		return r;
	*run = (struct vhdx_run){
		.kind = VHDX_RUN_ZERO,
		.length = spot.length,
	};
	if (says_enough(session, why, spot.entry))
		return 0;
	if (is_all(session, pos, &spot, keep))
		return change_state(session, why, &spot);
	if (keep && why == VHDX_ZERO_DISCARD)
		return 0;
	if (!vhdx_entry_present(spot.entry))
		r = allocate_block(session, pos, &spot, miss);
	if (r)
		return r;
	run->kind = VHDX_RUN_DATA;
	run->offset = vhdx_entry_offset(spot.entry) + spot.in_block;
	run->absent = why != VHDX_ZERO_DISCARD &&
		      vhdx_child_lacks(session, &spot, pos);
	return 0;
}

/**
 * vhdx_session_zero() - discard bytes of the virtual disk, or zero them
 * @session: the session
 * @why: which of them
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: VHDX_RUN_ZERO: nothing is left to do for so many bytes; VHDX_RUN_DATA:
 *	these bytes of the store belong to a block that stays, and the caller
 *	zeroes them, or may discard them. If it zeroes an @absent run,
 *	vhdx_session_wrote() must follow
 * @miss: on -EAGAIN, what vhdx_image_load() must bring in first
 *
 * Whole blocks give their space up, in memory, unless they are to keep it; the
 * next commit makes that durable. From then on they read as zeros, as do those
 * that the caller zeroes; a fixed image may go on to show what was discarded, and
 * a child goes on to show the parent where it had nothing of its own.
 *
 * Context: process context; takes the pool's lock; no I/O, no allocation.
 * Return: as vhdx_session_map().
 */
int vhdx_session_zero(struct vhdx_session *session, enum vhdx_zero why,
		      u64 pos, u64 len, struct vhdx_run *run,
		      struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	struct vhdx_miss later;
	struct vhdx_run next;
	u32 blocks = 1;
	int r;

	if (!vhdx_image_has_range(session->image, pos, len))
		return -EINVAL;
	spin_lock(lock);
	r = vhdx_session_ready(session);
	if (!r)
		r = zero_block(session, why, pos, len, run, miss);
	while (!r && run->kind == VHDX_RUN_ZERO && run->length < len &&
	       blocks++ < ZERO_BLOCKS_MAX) {
		if (zero_block(session, why, pos + run->length,
			       len - run->length, &next, &later) ||
		    next.kind != VHDX_RUN_ZERO)
			break;
		run->length += next.length;
	}
	spin_unlock(lock);
	return r;
}

/**
 * vhdx_session_clean() - is there nothing for a flush to commit?
 * @session: the session
 *
 * Context: process context; takes the pool's lock.
 * Return: whether a flush of the store makes durable all that was written.
 */
bool vhdx_session_clean(struct vhdx_session *session)
{
	spinlock_t *lock = &session->image->pool.lock;
	bool clean;

	spin_lock(lock);
	clean = !session->journal.changed_count && !session->committing;
	spin_unlock(lock);
	return clean;
}
