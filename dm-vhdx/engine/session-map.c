// SPDX-License-Identifier: GPL-2.0-only
/*
 * How writes, discards and writes of zeros change the BAT in memory.
 */
#include "child.h"
#include "move.h"

/* Bounds the time under the lock: a discard may cover the whole disk. */
#define ZERO_BLOCKS_MAX	1024U

/*
 * Free the space of a present block. An unmapped block keeps its old offset as
 * a soft anchor. That space is not freed here, because nothing has checked the
 * anchor. The next survey finds the space free, as no entry names it any more.
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
	return session->prepared.block[session->prepared.first];
}

/*
 * Give an absent block space. The space reads as zeros, so readers may see it
 * before it is written. A block that showed the parent continues to do so.
 */
static int allocate_block(struct vhdx_session *session, u64 pos,
			  struct vhdx_spot *spot, struct vhdx_miss *miss)
{
	if (session->prepared.count <= session->prepared.goal / 2)
		WRITE_ONCE(session->prepared.wanted, true);
	if (vhdx_child_shows_parent(session, spot->entry))
		return vhdx_child_allocate(session, spot, pos, miss);
	if (!session->prepared.count)
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
	if (!r && vhdx_move_fences(session, &spot))
		r = -EALREADY;
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

/* Extend the run into the next block, which may get space for that. */
static bool map_more(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run)
{
	struct vhdx_miss miss;
	struct vhdx_spot spot;

	/*
	 * In a child, a run ends with its block: each block has bits of its
	 * own.
	 */
	if (session->image->bat.differencing)
		return false;
	if (vhdx_spot_find(session, pos, len, &spot, &miss) ||
	    vhdx_move_fences(session, &spot))
		return false;
	if (!vhdx_entry_present(spot.entry)) {
		if (!session->prepared.count ||
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
 * vhdx_session_map() - find where bytes of the virtual disk may be written
 * @session: the session
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: set to the contiguous piece from @pos on, up to @len; always
 *	VHDX_RUN_DATA of layer 0
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Absent blocks get space in memory; the next commit makes that durable. After
 * the write of an @absent run, the caller calls vhdx_session_wrote().
 *
 * Context: process context; takes the pool's lock; no I/O, no allocation.
 * Return: 0; -EAGAIN; -EBUSY if vhdx_session_work() with VHDX_WORK_BEGIN must
 * come first; -EINPROGRESS if vhdx_session_prepare() must; -ENOSPC if one of
 * them found no room; -EALREADY as long as the block moves, see move.h; -EROFS
 * if the session has failed; -EIO if the BAT entry failed its checks; -EINVAL if
 * the range is not whole sectors of the virtual disk.
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

/* The last block may reach past the end of the virtual disk. */
static bool is_whole(const struct vhdx_bat *bat, u64 pos,
		     const struct vhdx_spot *spot)
{
	return !spot->in_block &&
	       (spot->length == vhdx_bat_block_size(bat) ||
		pos + spot->length == bat->size);
}

/*
 * Return true if the entry need not change. Other readers may show the old
 * contents of an unmapped or undefined block, so a write of zeros changes its
 * state. Without a parent, all readers see an absent block as zeros. A block
 * that shows the parent has nothing that a discard could free.
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
	struct vhdx_journal *journal = &session->journal;

	/* What a discarded block has after a crash does not matter. */
	if (why == VHDX_ZERO_DISCARD ?
		    !vhdx_journal_touch_idly(journal, spot->page) :
		    !vhdx_journal_touch(journal, spot->page))
		return -EBUSY;
	release_entry(session, spot->entry);
	vhdx_move_forget(session, spot);
	vhdx_spot_publish(spot, why == VHDX_ZERO_DISCARD ?
					VHDX_BLOCK_UNMAPPED : VHDX_BLOCK_ZERO);
	return 0;
}

/* Return true if the whole block may change its state. */
static bool is_all(const struct vhdx_session *session, u64 pos,
		   const struct vhdx_spot *spot, bool keep)
{
	const struct vhdx_bat *bat = &session->image->bat;

	if (vhdx_entry_present(spot->entry))
		return is_whole(bat, pos, spot) && !keep;
	return is_whole(bat, pos, spot) ||
	       !vhdx_child_shows_parent(session, spot->entry);
}

/*
 * Discard or zero a part of one block. Blocks of a fixed image keep their
 * space.
 */
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
	if (vhdx_move_fences(session, &spot))
		return -EALREADY;
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
 * @why: discard or zero
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; ends inside the virtual disk
 * @run: set to VHDX_RUN_ZERO if nothing is left to do for these bytes; set to
 *	VHDX_RUN_DATA if they belong to a block that stays, whose bytes of the
 *	store the caller zeroes, or may discard. After zeroing an @absent run,
 *	the caller calls vhdx_session_wrote().
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Whole blocks give up their space in memory, unless they must keep it; the
 * next commit makes that durable. A flush does not ask for a commit on account of
 * discards: they are often many, and nobody expects one to survive a crash. They read
 * as zeros at once. A fixed image may still show what was discarded, and a child shows
 * its parent where it had no data of its own.
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
 * vhdx_session_clean() - test whether a flush has nothing to commit
 * @session: the session
 *
 * Context: process context; takes the pool's lock.
 * Return: true if a flush of the store makes durable all that was written or
 * zeroed.
 */
bool vhdx_session_clean(struct vhdx_session *session)
{
	spinlock_t *lock = &session->image->pool.lock;
	bool clean;

	spin_lock(lock);
	clean = !session->journal.urgent &&
		!(session->committing && session->journal.urgent_closed);
	spin_unlock(lock);
	return clean;
}

/**
 * vhdx_session_changed() - test whether there is anything to commit
 * @session: the session
 *
 * Context: process context; takes the pool's lock.
 * Return: true if a commit makes something durable.
 */
bool vhdx_session_changed(struct vhdx_session *session)
{
	spinlock_t *lock = &session->image->pool.lock;
	bool changed;

	spin_lock(lock);
	changed = session->journal.changed_count || session->committing;
	spin_unlock(lock);
	return changed;
}
