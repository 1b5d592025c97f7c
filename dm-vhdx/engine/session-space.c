// SPDX-License-Identifier: GPL-2.0-only
/*
 * The space of a session: reservation, preparation, reuse and trimming.
 */
#include "session.h"

/* The file grows in steps: each growth stalls all direct I/O on it. */
#define GROWTH_MAX	(256 * VHDX_MIB)

/* Larger zeroing or discarding delays writers that wait for a block. */
#define AT_ONCE		(16 * VHDX_MIB)

/* More space prepared ahead would be lost to other users of the store. */
#define PREPARED_BYTES	(64 * VHDX_MIB)

/* The largest BAT to reserve space for: that of 8 TiB in blocks of 1 MiB. */
#define RESERVED_BAT	(64 * VHDX_MIB)

/* The sector bitmaps to reserve: those of 256 GiB in sectors of 512 bytes. */
#define RESERVED_BITMAPS	64U

/* After so many places that cannot be zeroed, the disk counts as bad. */
#define BAD_PLACES	8U

static void untake_space(struct vhdx_session *session, u64 offset, u64 size)
{
	spin_lock(&session->image->pool.lock);
	vhdx_space_untake(&session->space, offset, size);
	spin_unlock(&session->image->pool.lock);
}

/* Zero free space inside the file: it holds data of its last owner. */
static int reuse_one(struct vhdx_session *session, u64 size, u64 *offset)
{
	struct vhdx_store *store = session->image->store;
	u64 end = min(session->append_at, ALIGN_DOWN(store->size, VHDX_ALIGN));

	spin_lock(&session->image->pool.lock);
	*offset = vhdx_space_find(&session->space, size, end);
	spin_unlock(&session->image->pool.lock);
	if (*offset == U64_MAX)
		return -ENOSPC;
	return store->ops->zero(store, *offset, size);
}

/* A place that cannot be zeroed stays taken, and the search goes on. */
static int reuse_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	int r;

	for (;;) {
		r = reuse_one(session, size, offset);
		if (!r || *offset == U64_MAX)
			return r;
		if (r == -ENOMEM || vhdx_store_no_room(r) ||
		    session->bad_places == BAD_PLACES)
			break;
		session->bad_places++;
	}
	untake_space(session, *offset, size);
	return r;
}

/* Loads of BAT pages check their entries against this size. */
static void tell_size(struct vhdx_session *session)
{
	struct vhdx_image *image = session->image;

	spin_lock(&image->pool.lock);
	WRITE_ONCE(image->limits.file_size, image->store->size);
	spin_unlock(&image->pool.lock);
}

/**
 * vhdx_session_refresh() - find out whether the store has become longer
 * @session: a session that is not live
 *
 * What a block device has got is free space, of any contents. The next survey
 * finds it.
 *
 * Context: may sleep; the committer, while the space worker rests.
 */
void vhdx_session_refresh(struct vhdx_session *session)
{
	struct vhdx_store *store = session->image->store;

	if (!store->ops->refresh || !store->ops->refresh(store, VHDX_SPACE_MAX))
		return;
	tell_size(session);
	session->surveyed = false;
}

static int reserve_range(struct vhdx_store *store, u64 pos, u64 len)
{
	int r = store->ops->reserve(store, pos, len);

	return vhdx_store_no_room(r) ? -ENOSPC : r;
}

/* The survey has checked the entries. */
static int reserve_bitmaps(struct vhdx_image *image)
{
	const struct vhdx_bat *bat = &image->bat;
	u64 chunks = min_t(u64, bat->chunks, RESERVED_BITMAPS), chunk, at;
	__le64 entry;
	int r = 0;

	for (chunk = 0; chunk < chunks && !r; chunk++) {
		at = vhdx_bat_file_offset(bat,
					  vhdx_bat_bitmap_index(bat, chunk));
		r = vhdx_image_read(image, at, &entry, sizeof(entry));
		if (r || (int)vhdx_entry_state(le64_to_cpu(entry)) !=
			 VHDX_BITMAP_PRESENT)
			continue;
		r = reserve_range(image->store,
				  vhdx_entry_offset(le64_to_cpu(entry)),
				  VHDX_BITMAP_BLOCK_SIZE);
	}
	return r;
}

/**
 * vhdx_session_reserve() - reserve space for what a session writes in place
 * @session: the session, surveyed and not begun
 *
 * The headers, the log, the BAT and the sector bitmaps of a sparse file may lie
 * in holes. If a commit met a full store, it would be lost and writing would
 * end. Before the session begins, nothing is lost. This reserves no BAT that is
 * longer than RESERVED_BAT, and only the first RESERVED_BITMAPS sector bitmaps:
 * more would take more space than the data of most images.
 *
 * Context: may sleep; the committer.
 * Return: 0, -ENOSPC, or another errno of the store.
 */
int vhdx_session_reserve(struct vhdx_session *session)
{
	struct vhdx_image *image = session->image;
	const struct vhdx_header *header = vhdx_header_current(&image->headers);
	const struct vhdx_region *bat = &image->regions.bat;
	struct vhdx_store *store = image->store;
	int r;

	if (!store->ops->reserve)
		return 0;
	r = reserve_range(store, 0, VHDX_ALIGN);
	if (!r)
		r = reserve_range(store, header->log_offset, header->log_length);
	if (!r && bat->length <= RESERVED_BAT)
		r = reserve_range(store, bat->offset, bat->length);
	if (!r && image->bat.differencing)
		r = reserve_bitmaps(image);
	return r;
}

/**
 * vhdx_session_reclaims() - count the space that is about to become free
 * @session: the session
 *
 * Space that blocks gave up becomes free after a commit, when earlier I/O has
 * ended. Both happen without a request from outside.
 *
 * Context: any; a hint.
 * Return: bytes.
 */
u64 vhdx_session_reclaims(const struct vhdx_session *session)
{
	u64 units = 0;
	u32 i;

	for (i = 0; i < VHDX_FREED_STEPS; i++)
		units += READ_ONCE(session->space.freed[i]);
	return units << VHDX_ALIGN_SHIFT;
}

/**
 * vhdx_session_full() - is there no room for another block?
 * @session: the session
 *
 * @no_space of the session is set as soon as fewer blocks were prepared than wanted, so
 * this looks at the blocks that are left, too.
 *
 * Context: any; a hint.
 * Return: true if the last attempt found no room and no prepared block is left.
 */
bool vhdx_session_full(const struct vhdx_session *session)
{
	return READ_ONCE(session->mode) == VHDX_MODE_RW &&
	       READ_ONCE(session->no_space) &&
	       !READ_ONCE(session->prepared.count);
}

/*
 * The file grows by a share of its size, so that it grows seldom, but only by a
 * little if space is about to become free.
 */
static u64 next_growth(const struct vhdx_session *session)
{
	u64 goal = (u64)session->prepared.goal
		   << session->image->bat.block_shift;
	u64 least = min(goal, AT_ONCE);

	if (vhdx_session_reclaims(session))
		return least;
	return clamp_t(u64, session->append_at / 8, least, GROWTH_MAX);
}

static int extend_store(struct vhdx_session *session, u64 end)
{
	struct vhdx_store *store = session->image->store;
	u64 size = max(end, ALIGN(session->append_at + next_growth(session),
				  VHDX_ALIGN));
	int r = -ENOSPC;

	if (end > VHDX_SPACE_MAX)
		return -ENOSPC;
	if (size <= VHDX_SPACE_MAX)
		r = store->ops->extend(store, size);
	/* There may still be room for one block. */
	if (vhdx_store_no_room(r))
		r = store->ops->extend(store, end);
	if (!r)
		tell_size(session);
	return vhdx_store_no_room(r) ? -ENOSPC : r;
}

/* Append space, which needs no zeroing: it has never been used. */
static int append_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	u64 end = session->append_at + size;
	int r;

	/* Freed space is better, but needs a commit first. */
	if (READ_ONCE(session->space.freed[VHDX_FREED_OPEN]))
		WRITE_ONCE(session->reclaim, true);
	if (end > session->image->store->size) {
		r = extend_store(session, end);
		if (r)
			return r;
	}
	r = vhdx_space_grow(&session->space, end);
	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	*offset = session->append_at;
	vhdx_space_take(&session->space, *offset, size);
	session->append_at = end;
	spin_unlock(&session->image->pool.lock);
	return 0;
}

/*
 * Find space for a payload or sector bitmap block, and make it read as zeros.
 */
static int prepare_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	int r = reuse_space(session, size, offset);

	return vhdx_store_no_room(r) ? append_space(session, size, offset) : r;
}

/**
 * vhdx_session_space() - take space that no block needs
 * @session: the session, live, with an idle space worker
 * @size: bytes, a multiple of 1 MiB
 * @offset: set to the byte offset of the space, which reads as zeros
 *
 * The space belongs to whatever the next commit makes of it.
 *
 * Context: may sleep; the committer.
 * Return: 0, -ENOSPC, -ENOMEM, or another errno of the store.
 */
int vhdx_session_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	/* No free range is known to be longer: see vhdx_space_find(). */
	int r = size > VHDX_BLOCK_SIZE_MAX ?
			append_space(session, size, offset) :
			prepare_space(session, size, offset);

	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	session->last_end = max(session->last_end, *offset + size);
	spin_unlock(&session->image->pool.lock);
	return 0;
}

static bool give_up_blocks(struct vhdx_session *session)
{
	bool any;

	spin_lock(&session->image->pool.lock);
	any = session->prepared.count;
	vhdx_session_unprepare(session, 0);
	spin_unlock(&session->image->pool.lock);
	return any;
}

/*
 * The last room may be what was prepared for blocks. Nobody who needs a bitmap could
 * use it, and as long as it is there, nobody would wait for other room.
 */
static int prepare_bitmap(struct vhdx_session *session)
{
	u64 offset;
	int r;

	if (!READ_ONCE(session->prepared.wants_bitmap))
		return 0;
	r = prepare_space(session, VHDX_BITMAP_BLOCK_SIZE, &offset);
	if (vhdx_store_no_room(r) && give_up_blocks(session))
		r = prepare_space(session, VHDX_BITMAP_BLOCK_SIZE, &offset);
	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	session->prepared.bitmap = offset;
	WRITE_ONCE(session->prepared.wants_bitmap, false);
	spin_unlock(&session->image->pool.lock);
	return 0;
}

static void put_prepared(struct vhdx_session *session, u64 offset)
{
	struct vhdx_prepared *prepared = &session->prepared;
	u32 last = prepared->first + prepared->count;

	prepared->block[last % VHDX_PREPARED_MAX] = offset;
	WRITE_ONCE(prepared->count, prepared->count + 1);
}

static int prepare_one(struct vhdx_session *session)
{
	u64 offset;
	int r;

	r = prepare_space(session, vhdx_bat_block_size(&session->image->bat),
			  &offset);
	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	put_prepared(session, offset);
	session->stats.prepared++;
	spin_unlock(&session->image->pool.lock);
	return 0;
}

/*
 * Raise the goal if blocks are taken faster than they are prepared. Return the
 * goal.
 */
static u32 raise_goal(struct vhdx_session *session)
{
	u64 blocks = PREPARED_BYTES >> session->image->bat.block_shift;
	u32 limit = clamp_t(u64, blocks, VHDX_PREPARED_MIN, VHDX_PREPARED_MAX);

	if (session->prepared.count < session->prepared.goal / 2)
		session->prepared.goal =
			min(session->prepared.goal * 2, limit);
	return session->prepared.goal;
}

/* Return how many blocks to have prepared, or 0 to prepare none. */
static u32 prepare_goal(struct vhdx_session *session)
{
	u32 goal = 0;

	spin_lock(&session->image->pool.lock);
	if (vhdx_session_ready(session) || session->space_error)
		goal = 0;
	else if (session->prepared.wanted)
		goal = raise_goal(session);
	else if (session->prepared.more)
		goal = session->prepared.goal;
	WRITE_ONCE(session->prepared.wanted, false);
	/* Otherwise the space worker would repeat its pass for ever. */
	if (!goal)
		WRITE_ONCE(session->prepared.more, false);
	spin_unlock(&session->image->pool.lock);
	return goal;
}

static void prepare_result(struct vhdx_session *session, u32 goal, int r)
{
	spin_lock(&session->image->pool.lock);
	WRITE_ONCE(session->no_space, r == -ENOSPC);
	/* After any other errno, no more blocks are prepared. */
	if (r == -ENOSPC || r == -ENOMEM)
		WRITE_ONCE(session->prepared.wanted, true);
	WRITE_ONCE(session->prepared.more,
		   !r && session->prepared.count < goal);
	if (r && r != -ENOSPC && r != -ENOMEM)
		WRITE_ONCE(session->space_error, r);
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_prepare() - prepare blocks ahead of need
 * @session: the session; does nothing if it is not live, if it has failed, or
 *	if nobody wants blocks
 *
 * If the store fails, vhdx_session_work() commits what can be committed and
 * then ends writing.
 *
 * Context: may sleep; the space worker.
 * Return: 0; also 0 if there is no space, with @no_space of the session set;
 * -ENOMEM, which is worth another try; or another errno of the store.
 */
int vhdx_session_prepare(struct vhdx_session *session)
{
	u64 size = vhdx_bat_block_size(&session->image->bat);
	u32 goal = prepare_goal(session);
	u64 made;
	int r;

	if (!goal)
		return 0;
	r = prepare_bitmap(session);
	/*
	 * Writers may take blocks as fast as they are prepared: bound the pass.
	 */
	for (made = 0; made < AT_ONCE && !r; made += size) {
		if (READ_ONCE(session->prepared.count) >= goal ||
		    READ_ONCE(session->mode) != VHDX_MODE_RW)
			break;
		r = prepare_one(session);
	}
	prepare_result(session, goal, r);
	return r == -ENOSPC ? 0 : r;
}

/**
 * vhdx_session_drain() - start to drain freed space
 * @session: the session
 *
 * I/O that looked up a block before it was freed may still read or write its
 * space, even after the commit. When all I/O under way at this call has ended,
 * the caller calls vhdx_session_drained() until it returns false.
 *
 * Context: the space worker.
 * Return: true if space drains.
 */
bool vhdx_session_drain(struct vhdx_session *session)
{
	struct vhdx_space *space = &session->space;
	bool waits;

	spin_lock(&session->image->pool.lock);
	if (!space->freed[VHDX_FREED_DRAINING])
		vhdx_space_advance(space, VHDX_FREED_WAITING);
	waits = space->freed[VHDX_FREED_DRAINING];
	spin_unlock(&session->image->pool.lock);
	return waits;
}

static u64 next_drained(struct vhdx_session *session, u64 pos, u64 *length)
{
	spin_lock(&session->image->pool.lock);
	pos = vhdx_space_next(&session->space, VHDX_FREED_DRAINING, pos,
			      length);
	spin_unlock(&session->image->pool.lock);
	return pos;
}

static void reclaim_range(struct vhdx_session *session, u64 pos, u64 length)
{
	spin_lock(&session->image->pool.lock);
	vhdx_space_reclaim(&session->space, pos, length);
	WRITE_ONCE(session->no_space, false);
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_drained() - free a part of the drained space
 * @session: the session; the I/O that vhdx_session_drain() waits for has ended
 *
 * Discards the space in the store, if the store can do that, and makes it free.
 * No block gets the space before its discard has ended.
 *
 * Context: may sleep; the space worker.
 * Return: true if another call is needed.
 */
bool vhdx_session_drained(struct vhdx_session *session)
{
	struct vhdx_store *store = session->image->store;
	u64 pos = 0, done, length;

	for (done = 0; done < AT_ONCE; done += length) {
		pos = next_drained(session, pos, &length);
		if (pos == U64_MAX)
			return false;
		length = min(length, AT_ONCE - done);
		/* A failure is harmless: the store keeps the space. */
		if (READ_ONCE(session->mode) == VHDX_MODE_RW)
			store->ops->discard(store, pos, length);
		reclaim_range(session, pos, length);
		cond_resched();
	}
	return READ_ONCE(session->space.freed[VHDX_FREED_DRAINING]);
}

/* Make all space free that was freed and committed. */
static void drain_all(struct vhdx_session *session)
{
	while (vhdx_session_drain(session))
		while (vhdx_session_drained(session))
			;
}

/**
 * vhdx_session_unprepare() - give back space that was prepared
 * @session: the session
 * @from: byte offset in the file; what lies below stays prepared
 *
 * Nobody has used it. Writers who need a block have others prepared.
 *
 * Context: under the pool's lock.
 */
void vhdx_session_unprepare(struct vhdx_session *session, u64 from)
{
	struct vhdx_prepared *prepared = &session->prepared;
	u64 size = vhdx_bat_block_size(&session->image->bat);
	u32 left;

	for (left = prepared->count; left; left--) {
		u64 offset = vhdx_session_take_prepared(session);

		if (offset < from)
			put_prepared(session, offset);
		else
			vhdx_space_untake(&session->space, offset, size);
	}
	if (!prepared->bitmap || prepared->bitmap < from)
		return;
	vhdx_space_untake(&session->space, prepared->bitmap,
			  VHDX_BITMAP_BLOCK_SIZE);
	prepared->bitmap = 0;
}

static void give_back(struct vhdx_session *session)
{
	spin_lock(&session->image->pool.lock);
	vhdx_session_unprepare(session, 0);
	WRITE_ONCE(session->prepared.wants_bitmap, false);
	session->prepared.goal = VHDX_PREPARED_MIN;
	WRITE_ONCE(session->prepared.wanted, false);
	WRITE_ONCE(session->prepared.more, false);
	WRITE_ONCE(session->no_space, false);
	/* Nobody was refused space for it; the next session tries anew. */
	WRITE_ONCE(session->space_error, 0);
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_trim() - give back space that was prepared and not used
 * @session: the session, with all changes in place, the log closed, and no I/O
 *	under way
 *
 * A fixed image never becomes shorter than it was. If the truncation fails, or if
 * the map of the space is not complete, the file is longer than necessary and
 * otherwise right.
 *
 * Context: may sleep; the committer, while the space worker rests.
 */
void vhdx_session_trim(struct vhdx_session *session)
{
	struct vhdx_store *store = session->image->store;
	u64 end;

	if (!session->surveyed)
		return;
	drain_all(session);
	give_back(session);
	session->last_end = vhdx_space_end(&session->space);
	end = session->last_end;
	if (session->image->params.leave_allocated)
		end = max(end, session->found_size);
	if (end < store->size)
		store->ops->truncate(store, end);
	tell_size(session);
	/*
	 * Space that was appended and not used is not in the map, and still
	 * zero.
	 */
	session->append_at = min(session->append_at,
				 ALIGN(store->size, VHDX_ALIGN));
}
