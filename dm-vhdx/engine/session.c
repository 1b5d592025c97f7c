// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

/* For a session that begins and ends, and a replay if it does not. */
#define SEQUENCES_NEEDED 16U

/**
 * vhdx_session_fail() - no more writes
 * @session: the session
 * @at: where the reason is
 * @reason: and what it is, in words: the first one counts
 *
 * The one place that changes the mode. What was not committed before is lost
 * when the image is closed, as in a crash; the log is left for a replay. If the
 * store was cut, that is the reason, whatever it was that failed.
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
	}
	spin_unlock(lock);
	if (first)
		vhdx_find(session->report, VHDX_ERROR, at,
			  "%s; nothing more is written to the image", reason);
}

/* For what a session cannot go on after. Returns @err. */
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

/* Once: what the next session does to the disk is another matter. */
static void choose_identity(struct vhdx_session *session,
			    struct vhdx_header *next)
{
	if (guid_is_null(&session->begin_under))
		return;
	next->data_write_guid = session->begin_under;
	session->begin_under = (guid_t){};
}

/*
 * The GUIDs change before anything else in the file does, and the headers name
 * the log when it has an entry: without one, the file could not be opened
 * ([MS-VHDX] 2.2.2.1, 2.3).
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
	/* Nothing depends on the log yet, so it can be opened once more. */
	if (r == -ENOMEM)
		return r;
	if (r)
		return session_broken(session, "opening the log", r);
	spin_lock(lock);
	WRITE_ONCE(session->live, true);
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

/* The file must be as long as all that the transaction points to needs. */
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

/* Returns true if a commit is needed though nobody has asked for one. */
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
 * The space worker has failed. What was written to blocks that are there is
 * worth a commit all the same.
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
	if (!r && ((flags & VHDX_WORK_CHECKPOINT) ||
		   vhdx_journal_due(&session->journal)))
		r = session_checkpoint(session);
	return r ? r : end_for_space(session);
}

/**
 * vhdx_session_work() - do what is needed, with I/O
 * @session: the session
 * @flags: VHDX_WORK_*; 0 after the image was opened, so that what is free is
 *	known when somebody wants to write
 *
 * Lack of space is no error: what was written before can be committed all the
 * same, and vhdx_session_map() tells who needs more.
 *
 * Context: may sleep; the committer, with no lock held.
 * Return: 0; with VHDX_WORK_COMMIT, all that was done before the call is
 * durable. -ENOMEM is worth another try, and so is -EINTR when there is time.
 * -EBUSY: the image is sealed, so no session begins. After another errno the
 * session's mode is not VHDX_MODE_RW any more.
 */
int vhdx_session_work(struct vhdx_session *session, unsigned int flags)
{
	int r;

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	r = vhdx_session_survey(session);
	if (!r && !session->live && (flags & VHDX_WORK_BEGIN))
		r = session->sealed ? -EBUSY : session_begin(session);
	if (!r && session->live)
		r = work_live(session, flags);
	return r;
}

/*
 * All that was logged is in place and durable: the log is not needed. A seal
 * becomes the DataWriteGuid by the same write that empties the log, so each
 * state of the file that has this GUID is complete.
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
	if (!guid_is_null(&session->seal))
		next.data_write_guid = session->seal;
	return vhdx_headers_update(image->store, &image->headers, &next);
}

/* A GUID stands for one state of the disk, so it is used once. */
static void use_seal(struct vhdx_session *session)
{
	if (guid_is_null(&session->seal))
		return;
	session->seal_used = session->seal;
	session->seal = (guid_t){};
	session->sealed = true;
}

/**
 * vhdx_session_end() - leave a clean file behind
 * @session: that nobody writes through, with no I/O under way, and while the
 *	space worker rests; others may still read the image
 *
 * The next write begins anew, under other GUIDs: the file may have been copied
 * meanwhile. After vhdx_session_seal() the image ends as it says there.
 *
 * Context: may sleep; the committer, with no lock held.
 * Return: 0: the file is clean; -EROFS if the session has failed before; or an
 * errno after which it has.
 */
int vhdx_session_end(struct vhdx_session *session)
{
	u64 length;
	int r;

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	/* Nothing may have touched what is missing. */
	if (vhdx_store_is_cut(session->image->store, &length))
		return session_broken(session, "ending the session", -EIO);
	if (!session->live) {
		use_seal(session);
		return 0;
	}
	spin_lock(&session->image->pool.lock);
	WRITE_ONCE(session->live, false);
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
 * vhdx_session_begin_under() - choose the identity that the next session has
 * @session: a session that is not live
 * @guid: the DataWriteGuid from the next begin on. If it is the one that the
 *	image has, nothing may change what the disk holds before the end: children
 *	of the image are to find it as it was.
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
 * names @guid fits no state of the parent before the end of the session, and
 * fits the parent from then on. If nothing was written, the parent keeps the
 * GUID that it has: children that exist name that one. If a session begins
 * after this call it ends under @guid, whatever @holds said; the caller may
 * call again to learn that.
 *
 * After the end no session begins before vhdx_session_unseal().
 *
 * Context: the committer, with no other call under way.
 * Return: 0; -EINVAL if @guid is null, or if the image has it or was sealed under
 * it last; -EROFS if the session has failed, so that its end leaves the log to be
 * replayed.
 */
int vhdx_session_seal(struct vhdx_session *session, const guid_t *guid,
		      guid_t *holds)
{
	const guid_t *identity = vhdx_image_identity(session->image);

	if (READ_ONCE(session->mode) != VHDX_MODE_RW)
		return -EROFS;
	if (guid_is_null(guid) || guid_equal(guid, identity) ||
	    guid_equal(guid, &session->seal_used))
		return -EINVAL;
	session->seal = *guid;
	*holds = session->live ? *guid : *identity;
	return 0;
}

/**
 * vhdx_session_unseal() - permit sessions again
 * @session: a session that is not live
 *
 * The image is written again, so its children lose their parent. A seal that
 * was not used is forgotten.
 *
 * Context: the committer, with no other call under way.
 */
void vhdx_session_unseal(struct vhdx_session *session)
{
	session->seal = (guid_t){};
	session->sealed = false;
}

/**
 * vhdx_session_check() - does an image let itself be written?
 * @image: the image; its store may be open for reading only
 * @report: told, as an error, why not
 *
 * What only the whole BAT would show is found by the survey.
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
 * vhdx_session_new() - an image that may be written
 * @image: the image, its log empty; outlives the session
 * @report: where findings go, now and later; outlives the session
 *
 * Nothing is read or written yet.
 *
 * Context: may sleep.
 * Return: the session for vhdx_session_free(), or an ERR_PTR: -EROFS if the
 * image cannot be written, and @report has the sentence; -ENOMEM.
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
	session->prepared_goal = VHDX_PREPARED_MIN;
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
 * vhdx_session_free() - forget a session
 * @session: ended; or not, which is like a crash
 *
 * Context: may sleep.
 */
void vhdx_session_free(struct vhdx_session *session)
{
	vhdx_journal_exit(&session->journal);
	vhdx_space_exit(&session->space);
	kfree(session);
}
