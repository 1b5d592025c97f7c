// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

/* Enough for a session to begin and end, or for a replay after a crash. */
#define SEQUENCES_NEEDED 16U

/**
 * vhdx_session_bend() - work out whether overwrites may pass by the session
 * @session: the session, of which that may have changed
 *
 * Context: under the pool's lock.
 */
void vhdx_session_bend(struct vhdx_session *session)
{
	bool straight = session->live && session->mode == VHDX_MODE_RW &&
			!session->move.fenced;

	/* Pairs with the acquire in vhdx_session_straight(). */
	smp_store_release(&session->straight, straight);
}

/**
 * vhdx_session_stay() - give up the move of a block
 * @session: the session; does nothing if no block moves
 *
 * The block stays where it is. Nobody has seen the copy, and nobody else gets the
 * space unless it has been zeroed.
 *
 * Context: process context; takes the pool's lock; the space worker, or the
 * committer while that rests.
 */
void vhdx_session_stay(struct vhdx_session *session)
{
	spin_lock(&session->image->pool.lock);
	if (session->move.fenced) {
		vhdx_space_untake(&session->space, session->move.to,
				  vhdx_bat_block_size(&session->image->bat));
		session->move.fenced = false;
		vhdx_session_bend(session);
	}
	spin_unlock(&session->image->pool.lock);
}

/**
 * vhdx_session_fail() - stop all writing
 * @session: the session
 * @at: place of the fault
 * @reason: the fault, in words; only the first call's is kept
 *
 * Only this function changes the mode. Closing the image then loses what was
 * not committed, as a crash does, and leaves the log for a replay. If somebody
 * has cut the store, the session reports that in place of @reason.
 *
 * Context: process context; does not sleep; no lock held.
 */
void vhdx_session_fail(struct vhdx_session *session, struct vhdx_place at,
		       const char *reason)
{
	spinlock_t *lock = &session->image->pool.lock;
	struct vhdx_finding finding;
	char cut[VHDX_TEXT_MAX];
	bool first;

	if (vhdx_image_is_cut(session->image, &at, cut, sizeof(cut)))
		reason = cut;
	finding = (struct vhdx_finding){ .at = at, .text = reason };
	spin_lock(lock);
	first = session->mode == VHDX_MODE_RW;
	if (first) {
		vhdx_sentence(&finding, session->reason,
			      sizeof(session->reason));
		WRITE_ONCE(session->mode, VHDX_MODE_RO);
		vhdx_session_bend(session);
	}
	spin_unlock(lock);
	if (first)
		vhdx_find(session->report, VHDX_ERROR, at,
			  "%s; nothing more is written to the image", reason);
}

/* Fail the session after an error that it cannot survive. Return @err. */
static int session_broken(struct vhdx_session *session, const char *what,
			  int err)
{
	char reason[VHDX_TEXT_MAX];

	snprintf(reason, sizeof(reason), "%s failed: %s (%d)",
		 what, vhdx_errno_words(err), -err);
	vhdx_session_fail(session, vhdx_image_log_place(session->image),
			  reason);
	return err;
}

/* Use @begin_under once. Later sessions may change what the disk holds. */
static void choose_identity(struct vhdx_session *session,
			    struct vhdx_header *next)
{
	if (guid_is_null(&session->begin_under))
		return;
	next->data_write_guid = session->begin_under;
	session->begin_under = (guid_t){};
}

/*
 * The GUIDs change before anything else in the file ([MS-VHDX] 2.2.2.1). The
 * headers name the log only when it has an entry: a reader refuses a file whose
 * log has none (2.3).
 */
static int open_log(struct vhdx_session *session)
{
	struct vhdx_image *image = session->image;
	struct vhdx_journal *journal = &session->journal;
	struct vhdx_header next = *vhdx_header_current(&image->headers);
	int r;

	guid_gen(&next.file_write_guid);
	guid_gen(&next.data_write_guid);
	next.log_guid = (guid_t){};
	next.log_version = VHDX_LOG_VERSION;
	choose_identity(session, &next);
	r = vhdx_headers_update(image->store, &image->headers, &next);
	if (!r)
		r = vhdx_journal_flush(journal);
	if (!r)
		r = vhdx_journal_start(journal, session->last_end);
	if (r)
		return r;
	next.log_guid = journal->guid;
	return vhdx_headers_update(image->store, &image->headers, &next);
}

static void tell_space(struct vhdx_session *session, bool none)
{
	spin_lock(&session->image->pool.lock);
	WRITE_ONCE(session->no_space, none);
	spin_unlock(&session->image->pool.lock);
}

static int session_begin(struct vhdx_session *session)
{
	spinlock_t *lock = &session->image->pool.lock;
	int r = vhdx_session_reserve(session);

	tell_space(session, r == -ENOSPC);
	if (r == -ENOSPC)
		return 0;
	if (!r)
		r = open_log(session);
	/* Nothing depends on the log yet, so the caller may try again. */
	if (r == -ENOMEM)
		return r;
	if (r)
		return session_broken(session, "opening the log", r);
	spin_lock(lock);
	WRITE_ONCE(session->live, true);
	vhdx_session_bend(session);
	session->stats.begun++;
	spin_unlock(lock);
	return 0;
}

static int session_checkpoint(struct vhdx_session *session)
{
	int r = vhdx_journal_checkpoint(&session->journal);

	if (r)
		return session_broken(session, "writing the BAT", r);
	spin_lock(&session->image->pool.lock);
	session->stats.checkpoints++;
	spin_unlock(&session->image->pool.lock);
	WRITE_ONCE(session->image->pool.starved, false);
	return 0;
}

/* Set *@last_end to the length that the file needs for the transaction. */
static u32 close_transaction(struct vhdx_session *session, u64 *last_end)
{
	u32 pages;

	spin_lock(&session->image->pool.lock);
	pages = vhdx_journal_close(&session->journal);
	session->committing = pages;
	vhdx_space_advance(&session->space, VHDX_FREED_OPEN);
	*last_end = session->last_end;
	spin_unlock(&session->image->pool.lock);
	return pages;
}

static int session_commit(struct vhdx_session *session)
{
	struct vhdx_journal *journal = &session->journal;
	u64 last_end;
	int r = 0;

	if (vhdx_journal_due(journal))
		r = session_checkpoint(session);
	if (r)
		return r;
	if (close_transaction(session, &last_end))
		r = vhdx_journal_commit(journal, last_end);
	else
		r = vhdx_journal_flush(journal);
	if (r)
		return session_broken(session, "committing to the log", r);
	spin_lock(&session->image->pool.lock);
	session->stats.commits += session->committing;
	session->committing = false;
	vhdx_space_advance(&session->space, VHDX_FREED_COMMITTING);
	spin_unlock(&session->image->pool.lock);
	return 0;
}

/* Return true if the session itself needs a commit. Clear its requests. */
static bool commit_needed(struct vhdx_session *session)
{
	const struct vhdx_journal *journal = &session->journal;
	bool needed;

	spin_lock(&session->image->pool.lock);
	needed = session->reclaim || session->crowded ||
		 !vhdx_journal_fits(journal, 1);
	WRITE_ONCE(session->reclaim, false);
	WRITE_ONCE(session->crowded, false);
	spin_unlock(&session->image->pool.lock);
	return needed;
}

/*
 * If the space worker has failed, end the session. Writes to blocks that exist
 * are still good, so commit them first.
 */
static int end_for_space(struct vhdx_session *session)
{
	int r = READ_ONCE(session->space_error);
	int err;

	if (!r)
		return 0;
	err = session_commit(session);
	if (err)
		return err;
	vhdx_session_fail(session, VHDX_AT("file", 0),
			  "space for new blocks cannot be prepared");
	return r;
}

static int work_live(struct vhdx_session *session, unsigned int flags)
{
	int r = 0;

	if (READ_ONCE(session->image->pool.starved))
		flags |= VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT;
	if (commit_needed(session))
		flags |= VHDX_WORK_COMMIT;
	if (flags & VHDX_WORK_COMMIT)
		r = session_commit(session);
	if (!r && (flags & VHDX_WORK_CHECKPOINT))
		r = session_checkpoint(session);
	return r ? r : end_for_space(session);
}

/**
 * vhdx_session_work() - begin, commit and checkpoint as needed
 * @session: the session
 * @flags: VHDX_WORK_*. The call after the opening has 0: it surveys the BAT, so
 *	that the first write need not wait for that.
 *
 * Lack of space is no error: earlier writes can still be committed, and
 * vhdx_session_map() returns -ENOSPC to those who need more.
 *
 * A checkpoint that is due precedes the next commit, and those who wait for that wait
 * for both. So a caller asks for a checkpoint that has become due while nobody waits.
 *
 * Context: may sleep; the committer, with no lock held.
 * Return: 0; with VHDX_WORK_COMMIT, all earlier writes are durable. -ENOMEM:
 * try again. -EINTR: the survey was aborted; try again later. -EBUSY: the image
 * is sealed, so no session begins. After any other errno the session has
 * failed.
 */
int vhdx_session_work(struct vhdx_session *session, unsigned int flags)
{
	int r;

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	r = vhdx_session_survey(session);
	if (!r && !session->live && (flags & VHDX_WORK_BEGIN))
		r = session->seal.closed ? -EBUSY : session_begin(session);
	if (!r && session->live)
		r = work_live(session, flags);
	return r;
}

/*
 * Empty the log. All its changes are in place, and the flush makes them
 * durable. The write that empties the log also makes the seal the
 * DataWriteGuid, so each state of the file that has this GUID is complete.
 */
static int close_log(struct vhdx_session *session)
{
	struct vhdx_image *image = session->image;
	struct vhdx_header next;
	int r;

	r = vhdx_journal_flush(&session->journal);
	if (r)
		return r;
	next = *vhdx_header_current(&image->headers);
	next.log_guid = (guid_t){};
	if (!guid_is_null(&session->seal.next))
		next.data_write_guid = session->seal.next;
	return vhdx_headers_update(image->store, &image->headers, &next);
}

/* A GUID names one state of the disk, so a seal is used once. */
static void use_seal(struct vhdx_session *session)
{
	if (guid_is_null(&session->seal.next))
		return;
	session->seal.used = session->seal.next;
	session->seal.next = (guid_t){};
	session->seal.closed = true;
}

/**
 * vhdx_session_end() - commit everything and leave a clean file
 * @session: a session without writers and without I/O under way, with an idle
 *	space worker; others may still read the image
 *
 * The next write begins a session under new GUIDs, because somebody may have
 * copied the file in between. A seal takes effect here, see
 * vhdx_session_seal().
 *
 * Context: may sleep; the committer, with no lock held.
 * Return: 0: the file is clean; -EROFS if the session had failed before; or
 * another errno with which it fails now.
 */
int vhdx_session_end(struct vhdx_session *session)
{
	u64 length;
	int r;

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	/* No I/O may have met the cut so far, so look for it here. */
	if (vhdx_store_is_cut(session->image->store, &length))
		return session_broken(session, "ending the session", -EIO);
	if (!session->live) {
		use_seal(session);
		return 0;
	}
	vhdx_session_stay(session);
	spin_lock(&session->image->pool.lock);
	WRITE_ONCE(session->live, false);
	vhdx_session_bend(session);
	spin_unlock(&session->image->pool.lock);
	r = session_commit(session);
	if (!r)
		r = session_checkpoint(session);
	if (r)
		return r;
	r = close_log(session);
	if (r)
		return session_broken(session, "closing the log", r);
	use_seal(session);
	vhdx_session_trim(session);
	return 0;
}

/**
 * vhdx_session_begin_under() - choose the DataWriteGuid of the next session
 * @session: a session that is not live
 * @guid: the DataWriteGuid from the next begin on. If the image has this one,
 *	the caller must not change what the disk holds: children of the image
 *	trust the GUID.
 *
 * Without this call a session begins under a new GUID.
 *
 * Context: the committer, with no other call under way.
 */
void vhdx_session_begin_under(struct vhdx_session *session, const guid_t *guid)
{
	session->begin_under = *guid;
}

/**
 * vhdx_session_seal() - choose the identity that the image ends under
 * @session: the session, live or not
 * @guid: the DataWriteGuid to end under; no image has or had it
 * @holds: set to the DataWriteGuid that the image has after the next
 *	vhdx_session_end(), unless a session begins before that
 *
 * A snapshot makes the child while its parent is still written. A child that
 * names @guid matches no state of the parent before the end of the session, and
 * matches the parent from then on. If nothing was written, the parent keeps its
 * GUID, because existing children name that one. If a session begins after this
 * call, it ends under @guid, whatever @holds said; another call updates @holds.
 *
 * After the end, no session begins before vhdx_session_unseal().
 *
 * Context: the committer, with no other call under way.
 * Return: 0; -EINVAL if @guid is null, if the image has it, or if the last seal
 * had it; -EROFS if the session has failed, because its end will not empty the
 * log.
 */
int vhdx_session_seal(struct vhdx_session *session, const guid_t *guid,
		      guid_t *holds)
{
	const guid_t *identity = vhdx_image_identity(session->image);

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	if (guid_is_null(guid) || guid_equal(guid, identity) ||
	    guid_equal(guid, &session->seal.used))
		return -EINVAL;
	session->seal.next = *guid;
	*holds = session->live ? *guid : *identity;
	return 0;
}

/**
 * vhdx_session_unseal() - permit sessions again
 * @session: the session; if it is live, nobody else uses the image
 *
 * Drops an unused seal. When the image is written again, its children lose
 * their parent.
 *
 * Context: the committer, with no other call under way.
 */
void vhdx_session_unseal(struct vhdx_session *session)
{
	session->seal.next = (guid_t){};
	session->seal.closed = false;
}

/**
 * vhdx_session_check() - check that an image may be written
 * @image: the image; its store may be open for reading only
 * @report: receives the reason why not, as an error
 *
 * Does not read the BAT; the survey of a session does.
 *
 * Context: any.
 * Return: 0 or -EROFS.
 */
int vhdx_session_check(const struct vhdx_image *image,
		       struct vhdx_report *report)
{
	const struct vhdx_header *header = vhdx_header_current(&image->headers);

	if (!header->log_length)
		return vhdx_refuse(report, -EROFS, vhdx_image_log_place(image),
				   "the image has no log, so it can only be read");
	if (header->sequence > U64_MAX - SEQUENCES_NEEDED)
		return vhdx_refuse(report, -EROFS,
				   VHDX_AT("header", VHDX_HEADER_OFFSET(0)),
				   "the sequence numbers are used up; the image can only be read");
	if (image->region_copies_differ)
		return vhdx_refuse(report, -EROFS,
				   VHDX_AT("region table",
					   VHDX_REGION_TABLE_OFFSET(0)),
				   "the two copies differ, so the image can only be read; vhdxsetup check --repair makes them alike");
	if (image->limits.file_size > VHDX_SPACE_MAX)
		return vhdx_refuse(report, -EROFS, VHDX_AT("file", 0),
				   "is longer than any virtual disk needs, so it can only be read");
	return 0;
}

static int check_new(struct vhdx_image *image, struct vhdx_report *report)
{
	if (!image->store->ops->write)
		return vhdx_refuse(report, -EROFS, VHDX_AT("file", 0),
				   "is open for reading only");
	if (WARN_ON_ONCE(image->log.count))
		return -EINVAL;
	return vhdx_session_check(image, report);
}

/**
 * vhdx_session_new() - make a session for an image
 * @image: the image, with an empty log; outlives the session
 * @report: receives the findings of the session; outlives the session
 *
 * Does no I/O.
 *
 * Context: may sleep.
 * Return: the session for vhdx_session_free(), or an ERR_PTR: -EROFS after a
 * finding if the image cannot be written; -ENOMEM.
 */
struct vhdx_session *vhdx_session_new(struct vhdx_image *image,
				      struct vhdx_report *report)
{
	struct vhdx_session *session;
	int r = check_new(image, report);

	if (r)
		return ERR_PTR(r);
	session = kzalloc(sizeof(*session), GFP_NOIO);
	if (!session)
		return ERR_PTR(-ENOMEM);
	session->image = image;
	session->report = report;
	session->prepared.goal = VHDX_PREPARED_MIN;
	/* The entries of a block and of its bitmap may lie in two pages. */
	if (image->bat.differencing)
		vhdx_pool_need(&image->pool,
			       2 + vhdx_bitmap_pages(&image->bat));
	r = vhdx_space_init(&session->space);
	if (!r)
		r = vhdx_journal_init(&session->journal, image->store,
				      &image->pool,
				      vhdx_header_current(&image->headers));
	if (r) {
		vhdx_session_free(session);
		return ERR_PTR(r);
	}
	return session;
}

/**
 * vhdx_session_free() - free a session
 * @session: the session; if it has not ended, this is like a crash
 *
 * Context: may sleep.
 */
void vhdx_session_free(struct vhdx_session *session)
{
	vhdx_journal_exit(&session->journal);
	vhdx_space_exit(&session->space);
	kfree(session);
}
