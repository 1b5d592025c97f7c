// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a session gets its space from, and where it goes.
 */
#include "check.h"
#include "session.h"

/* The file grows in steps, for each one stalls all direct I/O on it. */
#define GROWTH_MAX	(256 * VHDX_MIB)

/* To zero or to discard more than this makes those wait long who want a block. */
#define AT_ONCE		(16 * VHDX_MIB)

/* More than this ahead of need is space that others could use. */
#define PREPARED_BYTES	(64 * VHDX_MIB)

/* So is a BAT of this size in holes: that of 8 TiB in blocks of 1 MiB. */
#define RESERVED_BAT	(64 * VHDX_MIB)

/* And so many sector bitmaps: those of 256 GiB in sectors of 512 bytes. */
#define RESERVED_BITMAPS	64U

/* Places for a block that cannot be zeroed: so many, and the disk is bad. */
#define BAD_PLACES	8U

/**
 * struct surveyor - hears what a survey finds
 * @session: whose survey it is
 * @report: takes the findings
 * @progress: ends it when enough is known, or there is no time
 * @unsafe: some of them forbid to write
 * @at: where the first of those is, or the BAT
 * @reason: and what it says
 */
struct surveyor {
	const struct vhdx_session *session;
	struct vhdx_report report;
	struct vhdx_progress progress;
	bool unsafe;
	struct vhdx_place at;
	char reason[VHDX_TEXT_MAX];
};

static void survey_emit(struct vhdx_report *report,
			const struct vhdx_finding *finding)
{
	struct surveyor *surveyor =
		container_of(report, struct surveyor, report);

	if (finding->severity < VHDX_READONLY || surveyor->unsafe)
		return;
	surveyor->unsafe = true;
	surveyor->at = finding->at;
	strscpy(surveyor->reason, finding->text, sizeof(surveyor->reason));
}

/* One reason is enough, and to look for more of them may take long. */
static int survey_step(struct vhdx_progress *progress, u64 done, u64 total)
{
	const struct surveyor *surveyor =
		container_of(progress, struct surveyor, progress);

	if (done == total)
		return 0;
	if (surveyor->unsafe)
		return -EROFS;
	return READ_ONCE(surveyor->session->abort_survey) ? -EINTR : 0;
}

static int mark_all(struct vhdx_session *session, struct surveyor *surveyor)
{
	const struct vhdx_regions *regions = &session->image->regions;
	struct vhdx_census census;
	u32 i;
	int r;

	r = vhdx_check_space(session->image, &session->space, &census,
			     &surveyor->progress, &surveyor->report);
	for (i = 0; i < regions->count && !r; i++)
		vhdx_space_take(&session->space, regions->all[i].offset,
				regions->all[i].length);
	return r;
}

/**
 * vhdx_session_survey() - find out what is free
 * @session: the session; does nothing if it knows already
 *
 * An image in which two blocks share space, or a block names space that is not
 * there, must not be written: nobody could say what else would change.
 *
 * Context: may sleep; the committer. Reads the whole BAT.
 * Return: 0; -EROFS if the image must not be written, and the session has
 * failed; -ENOMEM, which is worth another try; -EINTR if there is no time for it
 * now; or an errno of the store.
 */
int vhdx_session_survey(struct vhdx_session *session)
{
	u64 size = session->image->store->size;
	struct surveyor surveyor = {
		.session = session,
		.report.emit = survey_emit,
		.progress.step = survey_step,
		.at = VHDX_AT("BAT region", session->image->regions.bat.offset),
		.reason = "cannot be read",
	};
	int r;

	if (session->surveyed)
		return 0;
	vhdx_space_exit(&session->space);
	r = vhdx_space_init(&session->space);
	if (!r)
		r = mark_all(session, &surveyor);
	if (r == -ENOMEM || (r == -EINTR && READ_ONCE(session->abort_survey)))
		return r;
	if (r || surveyor.unsafe) {
		vhdx_session_fail(session, surveyor.at, surveyor.reason);
		return r ? r : -EROFS;
	}
	session->surveyed = true;
	session->found_size = size;
	session->append_at = ALIGN(size, VHDX_ALIGN);
	session->last_end = vhdx_space_end(&session->space);
	return 0;
}

static void untake_space(struct vhdx_session *session, u64 offset, u64 size)
{
	spin_lock(&session->image->pool.lock);
	vhdx_space_untake(&session->space, offset, size);
	spin_unlock(&session->image->pool.lock);
}

/* Free space inside the file holds what its last owner left there. */
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

/* A bad spot is nobody's: it stays taken, and another place is looked for. */
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

/* Blocks are checked against the size as their pages are loaded. */
static void tell_size(struct vhdx_session *session)
{
	struct vhdx_image *image = session->image;

	spin_lock(&image->pool.lock);
	WRITE_ONCE(image->limits.file_size, image->store->size);
	spin_unlock(&image->pool.lock);
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
 * vhdx_session_reserve() - have room for what a session writes in place
 * @session: the session, surveyed and not begun
 *
 * The headers, the log, the BAT and the sector bitmaps of a sparse file may lie
 * in holes. To find out when a commit is written that there is no room for it
 * would end writing, with the commit lost; now nothing is lost yet. A BAT that
 * is longer than RESERVED_BAT is left as it is, and so are all sector bitmaps
 * but the first RESERVED_BITMAPS: they would take more than most images hold.
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
 * vhdx_session_reclaims() - how much space is on its way to be free again?
 * @session: the session
 *
 * What was given up is free when that is committed and the I/O of before has
 * ended, neither of which has to wait for anybody.
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

/*
 * By how much the file gets longer: a share of what it is, so that it need not
 * do so often; by little if it is about to get space back.
 */
static u64 next_growth(const struct vhdx_session *session)
{
	u64 goal = (u64)session->prepared_goal
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
	/* There may be room for one block all the same. */
	if (vhdx_store_no_room(r))
		r = store->ops->extend(store, end);
	if (!r)
		tell_size(session);
	return vhdx_store_no_room(r) ? -ENOSPC : r;
}

/* Space behind all that was ever used needs no zeroing. */
static int append_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	u64 end = session->append_at + size;
	int r;

	/* What was freed is better, but has to be committed before. */
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

/* Finds room for a block of either kind, and has it read as zeros. */
static int prepare_space(struct vhdx_session *session, u64 size, u64 *offset)
{
	int r = reuse_space(session, size, offset);

	return vhdx_store_no_room(r) ? append_space(session, size, offset) : r;
}

static int prepare_bitmap(struct vhdx_session *session)
{
	u64 offset;
	int r;

	if (!READ_ONCE(session->wants_bitmap))
		return 0;
	r = prepare_space(session, VHDX_BITMAP_BLOCK_SIZE, &offset);
	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	session->prepared_bitmap = offset;
	WRITE_ONCE(session->wants_bitmap, false);
	spin_unlock(&session->image->pool.lock);
	return 0;
}

static int prepare_one(struct vhdx_session *session)
{
	u64 offset;
	u32 last;
	int r;

	r = prepare_space(session, vhdx_bat_block_size(&session->image->bat),
			  &offset);
	if (r)
		return r;
	spin_lock(&session->image->pool.lock);
	last = session->prepared_first + session->prepared_count;
	session->prepared[last % VHDX_PREPARED_MAX] = offset;
	WRITE_ONCE(session->prepared_count, session->prepared_count + 1);
	session->stats.prepared++;
	spin_unlock(&session->image->pool.lock);
	return 0;
}

/*
 * Whoever needs blocks faster than they are made gets more of them ahead.
 * Returns how many there should be.
 */
static u32 raise_goal(struct vhdx_session *session)
{
	u64 blocks = PREPARED_BYTES >> session->image->bat.block_shift;
	u32 limit = clamp_t(u64, blocks, VHDX_PREPARED_MIN, VHDX_PREPARED_MAX);

	if (session->prepared_count < session->prepared_goal / 2)
		session->prepared_goal =
			min(session->prepared_goal * 2, limit);
	return session->prepared_goal;
}

/* Returns how many blocks there should be, or 0 if none are to be made. */
static u32 prepare_goal(struct vhdx_session *session)
{
	u32 goal = 0;

	spin_lock(&session->image->pool.lock);
	if (vhdx_session_ready(session) || session->space_error)
		goal = 0;
	else if (session->wanted)
		goal = raise_goal(session);
	else if (session->more)
		goal = session->prepared_goal;
	WRITE_ONCE(session->wanted, false);
	/* Or the space worker would look again at once, and for ever. */
	if (!goal)
		WRITE_ONCE(session->more, false);
	spin_unlock(&session->image->pool.lock);
	return goal;
}

static void prepare_result(struct vhdx_session *session, u32 goal, int r)
{
	spin_lock(&session->image->pool.lock);
	WRITE_ONCE(session->no_space, r == -ENOSPC);
	/* After another errno no more blocks are made. */
	if (r == -ENOSPC || r == -ENOMEM)
		WRITE_ONCE(session->wanted, true);
	WRITE_ONCE(session->more, !r && session->prepared_count < goal);
	if (r && r != -ENOSPC && r != -ENOMEM)
		WRITE_ONCE(session->space_error, r);
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_prepare() - have blocks ready to be handed out
 * @session: the session; does nothing if it is not live, if it has failed, or if
 *	no blocks were asked for
 *
 * If the store fails, vhdx_session_work() commits what can be committed and then
 * ends writing.
 *
 * Context: may sleep; the space worker.
 * Return: 0, also if there is no space, which the session then says; -ENOMEM,
 * which is worth another try; or another errno of the store.
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
	/* Blocks may be taken as fast as they are made. */
	for (made = 0; made < AT_ONCE && !r; made += size) {
		if (READ_ONCE(session->prepared_count) >= goal ||
		    READ_ONCE(session->mode) != VHDX_MODE_RW)
			break;
		r = prepare_one(session);
	}
	prepare_result(session, goal, r);
	return r == -ENOSPC ? 0 : r;
}

/**
 * vhdx_session_drain() - does freed space wait for I/O to end?
 * @session: the session
 *
 * Freed space that is durable may still be read or written by I/O that looked
 * its place up before. When all I/O that was under way at this call has ended,
 * call vhdx_session_drained() until it returns false.
 *
 * Context: the space worker.
 * Return: whether there is such space.
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
 * vhdx_session_drained() - the I/O that vhdx_session_drain() spoke of has ended
 * @session: the session
 *
 * The space goes back to the store, if that can take it, and may be used for
 * other blocks, a part at each call. A part is free only when its discard has
 * ended: until then no block gets it.
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
		/* A store that cannot do it keeps the space; no harm is done. */
		if (READ_ONCE(session->mode) == VHDX_MODE_RW)
			store->ops->discard(store, pos, length);
		reclaim_range(session, pos, length);
		cond_resched();
	}
	return READ_ONCE(session->space.freed[VHDX_FREED_DRAINING]);
}

/* Lets all space that was freed and committed become free. */
static void drain_all(struct vhdx_session *session)
{
	while (vhdx_session_drain(session))
		while (vhdx_session_drained(session))
			;
}

static void give_back(struct vhdx_session *session)
{
	u64 size = vhdx_bat_block_size(&session->image->bat);

	spin_lock(&session->image->pool.lock);
	while (session->prepared_count)
		vhdx_space_untake(&session->space,
				  vhdx_session_take_prepared(session), size);
	if (session->prepared_bitmap)
		vhdx_space_untake(&session->space, session->prepared_bitmap,
				  VHDX_BITMAP_BLOCK_SIZE);
	session->prepared_bitmap = 0;
	WRITE_ONCE(session->wants_bitmap, false);
	session->prepared_goal = VHDX_PREPARED_MIN;
	WRITE_ONCE(session->wanted, false);
	WRITE_ONCE(session->more, false);
	WRITE_ONCE(session->no_space, false);
	/* Nobody was refused space for it; the next session tries anew. */
	WRITE_ONCE(session->space_error, 0);
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_trim() - give back what was prepared and is not needed
 * @session: with all changes in place and the log closed, and no I/O under way
 *
 * A fixed image never gets shorter than it was found. A file that cannot be
 * made shorter is as good as one that was, only longer.
 *
 * Context: may sleep; the committer, while the space worker rests.
 */
void vhdx_session_trim(struct vhdx_session *session)
{
	struct vhdx_store *store = session->image->store;
	u64 end;

	drain_all(session);
	give_back(session);
	session->last_end = vhdx_space_end(&session->space);
	end = session->last_end;
	if (session->image->params.leave_allocated)
		end = max(end, session->found_size);
	if (end < store->size)
		store->ops->truncate(store, end);
	tell_size(session);
	/* What was added and not used is as good as new, and not in the map. */
	session->append_at = min(session->append_at,
				 ALIGN(store->size, VHDX_ALIGN));
}
