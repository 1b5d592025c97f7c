// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"
#include "move.h"

/* Pages of the BAT that one call looks at: it must not take long. */
#define LOOK_PAGES	64U

static u64 block_size(const struct vhdx_session *session)
{
	return vhdx_bat_block_size(&session->image->bat);
}

static void find_regions_end(const struct vhdx_session *session,
			     struct vhdx_move_goal *goal)
{
	const struct vhdx_regions *regions = &session->image->regions;
	u32 i;

	goal->fixed = VHDX_ALIGN;
	for (i = 0; i < regions->count; i++)
		goal->fixed = max(goal->fixed, regions->all[i].offset +
					       regions->all[i].length);
}

static int look_at_bitmap(struct vhdx_session *session,
			  struct vhdx_move_goal *goal, struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	struct vhdx_spot spot;
	int r;

	spin_lock(lock);
	r = vhdx_spot_entry(session,
			    vhdx_bat_bitmap_index(&session->image->bat,
						  goal->chunk),
			    &spot, miss);
	spin_unlock(lock);
	if (!r && (int)vhdx_entry_state(spot.entry) == VHDX_BITMAP_PRESENT)
		goal->fixed = max(goal->fixed, vhdx_entry_offset(spot.entry) +
					       VHDX_BITMAP_BLOCK_SIZE);
	/* An entry that failed its checks names nothing. */
	return r == -EIO ? 0 : r;
}

static int find_fixed(struct vhdx_session *session, struct vhdx_move_goal *goal,
		      struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	int r;

	if (!goal->chunk)
		find_regions_end(session, goal);
	for (; bat->differencing && goal->chunk < bat->chunks; goal->chunk++) {
		r = look_at_bitmap(session, goal, miss);
		if (r)
			return r;
		cond_resched();
	}
	return 0;
}

/* The highest block moves to the lowest hole. Return false if there is none. */
static bool lower_one(struct vhdx_session *session, struct vhdx_move_goal *goal,
		      u64 *hole)
{
	const struct vhdx_space *space = &session->space;
	u64 size = block_size(session), at = U64_MAX;

	spin_lock(&session->image->pool.lock);
	goal->end = vhdx_space_kept_end(space, goal->end);
	if (goal->end >= goal->fixed + size)
		at = vhdx_space_hole(space, size, *hole, goal->end - size);
	spin_unlock(&session->image->pool.lock);
	if (at == U64_MAX)
		return false;
	*hole = at + size;
	goal->end -= size;
	goal->moves += size;
	return true;
}

/**
 * vhdx_move_goal() - find out what there is to gain
 * @session: the session, surveyed; nobody changes the geometry of its image
 * @goal: all zeros at first
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load; then the
 *	caller calls again with the same @goal
 *
 * The highest block goes to the lowest hole, as long as there is one, so no block
 * moves that could stay. What was prepared is given back, or it would be in the way
 * like a block, and does not move. The result is an estimate, because others write
 * meanwhile, and what they freed is not free yet. A fixed image keeps its length.
 *
 * Context: may sleep; no lock held; no I/O.
 * Return: 0 or -EAGAIN.
 */
int vhdx_move_goal(struct vhdx_session *session, struct vhdx_move_goal *goal,
		   struct vhdx_miss *miss)
{
	int r = find_fixed(session, goal, miss);
	u64 hole = 0;

	if (r)
		return r;
	goal->moves = 0;
	goal->end = READ_ONCE(session->image->store->size);
	if (session->image->params.leave_allocated) {
		goal->length = goal->end;
		return 0;
	}
	goal->end = ALIGN(goal->end, VHDX_ALIGN);
	spin_lock(&session->image->pool.lock);
	vhdx_session_unprepare(session, 0);
	spin_unlock(&session->image->pool.lock);
	while (lower_one(session, goal, &hole))
		cond_resched();
	/* Blocks fill the holes up to here. */
	goal->end = max(goal->end, hole);
	goal->length = max(goal->end, goal->fixed);
	return 0;
}

/*
 * Look for a block at or above @end in the rest of a page of the BAT. An entry
 * that failed its checks stays.
 */
static int look_at_page(struct vhdx_session *session, u64 *index, u64 end,
			struct vhdx_spot *spot, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	u64 next = (*index | (VHDX_BAT_ENTRIES_PER_PAGE - 1)) + 1;
	u64 number;
	int r;

	for (; *index < min(next, bat->entries); ++*index) {
		if (!vhdx_bat_entry_at(bat, *index, &number) ||
		    number >= bat->blocks)
			continue;
		r = vhdx_spot_entry(session, *index, spot, miss);
		if (r && r != -EIO)
			return r;
		if (!r && vhdx_entry_present(spot->entry) &&
		    vhdx_entry_offset(spot->entry) >= end)
			return 0;
	}
	return -ENOENT;
}

/* From now on, others look for space from the start of the file, too. */
static int take_hole(struct vhdx_session *session, u64 end, u64 *to)
{
	u64 size = block_size(session);

	end = min(end, session->append_at);
	end = min(end, ALIGN_DOWN(session->image->store->size, VHDX_ALIGN));
	*to = vhdx_space_hole(&session->space, size, 0, end);
	if (*to == U64_MAX)
		return -ENOSPC;
	vhdx_space_take(&session->space, *to, size);
	session->space.cursor = 0;
	return 0;
}

static int find_block(struct vhdx_session *session, u64 *index, u64 end,
		      struct vhdx_spot *spot, u64 *to, struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	int r;

	spin_lock(lock);
	r = vhdx_session_ready(session);
	if (!r && WARN_ON_ONCE(session->move.fenced))
		r = -EBUSY;
	if (!r)
		r = look_at_page(session, index, end, spot, miss);
	/* A new block there would have to move, too. */
	if (!r)
		vhdx_session_unprepare(session, end);
	if (!r)
		r = take_hole(session, end, to);
	if (r == -ENOSPC) {
		vhdx_session_unprepare(session, 0);
		r = take_hole(session, end, to);
	}
	spin_unlock(lock);
	return r;
}

/* The file may have a hole there, and a full store must not be met later. */
static int reserve(const struct vhdx_session *session, u64 to)
{
	struct vhdx_store *store = session->image->store;
	int r = 0;

	if (store->ops->reserve)
		r = store->ops->reserve(store, to, block_size(session));
	return vhdx_store_no_room(r) ? -ENOSPC : vhdx_store_answer(r);
}

/* Others may have changed the entry since, and its page may be gone. */
static int raise_fence(struct vhdx_session *session, u64 index, u64 entry,
		       u64 to, struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	struct vhdx_spot spot;
	int r;

	spin_lock(lock);
	r = vhdx_session_ready(session);
	if (!r)
		r = vhdx_spot_entry(session, index, &spot, miss);
	if (!r && spot.entry != entry)
		r = -EINPROGRESS;
	if (!r) {
		session->move = (struct vhdx_move){
			.fenced = true,
			.index = index,
			.entry = entry,
			.to = to,
		};
		vhdx_session_bend(session);
	}
	spin_unlock(lock);
	return r;
}

static void give_back(struct vhdx_session *session, u64 to)
{
	spin_lock(&session->image->pool.lock);
	vhdx_space_untake(&session->space, to, block_size(session));
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_move_begin() - choose the next block that moves, and fence it
 * @session: the session, in which no block moves
 * @index: into the BAT: where the search starts; set to where it has ended
 * @end: blocks from this byte offset of the file on move to holes below it
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * When this has returned 0, the caller lets all I/O end that was under way, then
 * copies and publishes. Until that, or until vhdx_session_stay(), vhdx_session_map()
 * and vhdx_session_zero() return -EALREADY for the block.
 *
 * Context: may sleep; the space worker.
 * Return: 0 if a block is fenced; -EAGAIN; -EINPROGRESS if another call goes on
 * with the search; -ENOENT if there is no such block; -ENOSPC if there is no hole
 * for it, or no room in the store; -EBUSY or -EROFS if the session is not live;
 * or an errno of the store.
 */
int vhdx_move_begin(struct vhdx_session *session, u64 *index, u64 end,
		    struct vhdx_miss *miss)
{
	u32 pages = LOOK_PAGES;
	struct vhdx_spot spot;
	u64 to;
	int r;

	do {
		r = find_block(session, index, end, &spot, &to, miss);
		cond_resched();
	} while (r == -ENOENT && *index < session->image->bat.entries &&
		 --pages);
	if (r == -ENOENT && !pages)
		return -EINPROGRESS;
	if (r)
		return r;
	r = reserve(session, to);
	if (!r)
		r = raise_fence(session, *index, spot.entry, to, miss);
	if (r)
		give_back(session, to);
	return r;
}

/* The block may have given up its space, and then there is nothing to move. */
static int still_moves(const struct vhdx_session *session)
{
	int r = vhdx_session_ready(session);

	if (r)
		return r;
	return session->move.fenced && !session->move.lost ? 0 : -ECANCELED;
}

/**
 * vhdx_move_copy() - copy a part of the block that moves
 * @session: the session; all I/O has ended that was under way when
 *	vhdx_move_begin() returned
 * @data: memory for the part, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_COPY_PIECE
 *
 * Context: may sleep; the space worker.
 * Return: bytes copied; 0 if all has been copied; -ECANCELED if the block has
 * given up its space; -EBUSY or -EROFS if the session is not live; or an errno of
 * the store. After an error, the caller calls vhdx_session_stay().
 */
int vhdx_move_copy(struct vhdx_session *session, void *data, u32 len)
{
	struct vhdx_move *move = &session->move;
	u64 from;
	int r;

	spin_lock(&session->image->pool.lock);
	r = still_moves(session);
	spin_unlock(&session->image->pool.lock);
	len = min_t(u64, len, block_size(session) - move->done);
	if (r || !len)
		return r;
	from = vhdx_entry_offset(move->entry);
	r = vhdx_copy_range(session->image, from + move->done,
			    move->to + move->done, data, len);
	if (r)
		return r;
	move->done += len;
	return len;
}

static void drop_fence(struct vhdx_session *session)
{
	session->move.fenced = false;
	vhdx_session_bend(session);
}

/* The old place is freed by the transaction that publishes the new one. */
static int publish(struct vhdx_session *session, struct vhdx_miss *miss)
{
	const struct vhdx_move *move = &session->move;
	u64 size = block_size(session);
	struct vhdx_spot spot;
	int r;

	r = vhdx_spot_entry(session, move->index, &spot, miss);
	if (r)
		return r;
	if (WARN_ON_ONCE(spot.entry != move->entry))
		return -ECANCELED;
	if (!vhdx_journal_touch(&session->journal, spot.page))
		return -EBUSY;
	vhdx_spot_publish(&spot, move->to | vhdx_entry_state(move->entry));
	vhdx_space_release(&session->space, vhdx_entry_offset(move->entry),
			   size);
	session->last_end = max(session->last_end, move->to + size);
	session->stats.moved++;
	drop_fence(session);
	return 0;
}

/**
 * vhdx_move_publish() - give the block that moves its new place
 * @session: the session; vhdx_move_copy() has returned 0
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Whoever looks the block up from now on finds the new place. The next commit
 * makes that durable.
 *
 * Context: process context; takes the pool's lock; no I/O; the space worker.
 * Return: 0, and the move is over; -EAGAIN; -EBUSY if the committer must work
 * first, or if the session is not live; -ECANCELED if the block has given up its
 * space; or -EROFS. The fence stays up after an error.
 */
int vhdx_move_publish(struct vhdx_session *session, struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	int r;

	spin_lock(lock);
	r = still_moves(session);
	if (!r && WARN_ON_ONCE(session->move.done != block_size(session)))
		r = -ECANCELED;
	if (!r)
		r = publish(session, miss);
	spin_unlock(lock);
	return r;
}
