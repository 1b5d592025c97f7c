/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: an image that is being written, from the first change to the
 * clean end ([MS-VHDX] 2.2.2.1, 2.3).
 *
 * Any task may ask where to write and may give blocks up; that needs no I/O.
 * All that does need I/O is done by two tasks. The committer calls
 * vhdx_session_work() when somebody was turned away with -EBUSY, when a flush
 * waits, and about once a second; it alone writes metadata. Nothing that was
 * written is durable until a call with VHDX_WORK_COMMIT has returned 0: to the
 * user, the device is a disk with a volatile write cache. The space worker calls
 * vhdx_session_prepare() when somebody was turned away with -EINPROGRESS or when
 * blocks run low, and vhdx_session_drain() and vhdx_session_drained() after
 * commits. What it does may take long, so that no flush waits for it. Each of the
 * two makes one call at a time; the session ends while the space worker rests.
 *
 * The first call looks at the whole BAT, for what is not known to be free must
 * not be written to. The session begins by itself with the first request to
 * write.
 *
 * session.c APIs:
 *   vhdx_session_check()	does an image let itself be written?
 *   vhdx_session_new()		an image that may be written
 *   vhdx_session_free()
 *   vhdx_session_work()	do what is needed, with I/O
 *   vhdx_session_end()		leave a clean file behind
 *   vhdx_session_fail()	no more writes
 * session-map.c APIs:
 *   vhdx_session_map()		virtual range -> where to write it
 *   vhdx_session_zero()	virtual range -> what is left to be zeroed
 *   vhdx_session_clean()	is there nothing for a flush to commit?
 * session-space.c APIs:
 *   vhdx_session_survey()	find out what is free
 *   vhdx_session_reserve()	have room for the log and the BAT
 *   vhdx_session_reclaims()	how much space is on its way to be free again?
 *   vhdx_session_prepare()	have blocks ready to be handed out
 *   vhdx_session_drain()	which freed space waits for I/O to end?
 *   vhdx_session_drained()	it has ended
 *   vhdx_session_trim()	give back what was prepared and is not needed
 * session.h APIs:
 *   vhdx_session_ready()	may writes go on without the committer?
 *   vhdx_session_take_prepared()	take the next prepared block
 */
#ifndef VHDX_SESSION_H
#define VHDX_SESSION_H

#include "chain.h"
#include "journal.h"
#include "space.h"

/* Prepared blocks: how many at first, and how many at the most. */
#define VHDX_PREPARED_MIN	2U
#define VHDX_PREPARED_MAX	64U

/**
 * enum vhdx_mode - what an image may still be used for
 * @VHDX_MODE_RW: all
 * @VHDX_MODE_RO: reading: a write to the log or a flush has failed, or the
 *	image has a fault that makes writing unsafe
 */
enum vhdx_mode {
	VHDX_MODE_RW,
	VHDX_MODE_RO,
};

/**
 * struct vhdx_session_stats - what was done, since the session was made
 * @allocated: blocks that were given space
 * @freed: blocks that gave theirs up
 * @commits: transactions made durable
 * @checkpoints: passes over the pages that were logged
 * @prepared: blocks made ready
 * @begun: how often writing began anew
 */
struct vhdx_session_stats {
	u64 allocated;
	u64 freed;
	u64 commits;
	u64 checkpoints;
	u64 prepared;
	u64 begun;
};

/**
 * struct vhdx_session - the write side of an open image
 * @image: the image; outlives the session
 * @report: where findings go
 * @mode: what may still be done
 * @reason: why not all of it, in words
 * @live: the headers name our log, and writes may go on
 * @committing: a transaction is closed and not durable yet
 * @surveyed: @space is complete
 * @abort_survey: somebody waits for the end, and a survey can be made later
 * @space: who owns what
 * @journal: changes on their way to disk
 * @prepared: byte offsets of blocks that are ready, a ring
 * @prepared_first: index of the first one
 * @prepared_count: how many
 * @prepared_goal: how many there should be; rises as they are used up
 * @wanted: blocks were asked for, and more should be prepared
 * @more: the last call for that left some of them for the next one
 * @reclaim: the file had to grow although space was freed: a commit is needed
 * @space_error: errno of the store with which the space worker failed, or 0
 * @bad_places: how many free ones could not be zeroed, and are not used
 * @no_space: the last attempt to prepare a block found no room, or there was
 *	none for the log and the BAT, so that the session could not begin
 * @append_at: from here on, in bytes, the file is ours: it was added by us and
 *	nobody has used it
 * @found_size: bytes of the file before we added to it
 * @last_end: no block that was published in this session ends after this byte
 * @stats: counters
 *
 * @image and @report stay as they are, and @abort_survey is set without a lock.
 * Only the committer changes @surveyed, and all of @journal but its lists and
 * @changed_count. While the session is live, only the space worker changes
 * @append_at and @bad_places, and makes @space longer; otherwise the committer
 * does, and @found_size, @space and @last_end are its own, too. The image's pool
 * lock guards the rest, but that the space worker sets @reclaim without it.
 * @mode, @live, @prepared_count, @wanted, @more, @no_space, @reclaim and
 * @space_error may be read without it, as hints; so may @reason, once the mode has
 * changed.
 */
struct vhdx_session {
	struct vhdx_image *image;
	struct vhdx_report *report;
	enum vhdx_mode mode;
	char reason[VHDX_SENTENCE_MAX];
	bool live;
	bool committing;
	bool surveyed;
	bool abort_survey;
	struct vhdx_space space;
	struct vhdx_journal journal;
	u64 prepared[VHDX_PREPARED_MAX];
	u32 prepared_first;
	u32 prepared_count;
	u32 prepared_goal;
	bool wanted;
	bool more;
	bool reclaim;
	int space_error;
	u32 bad_places;
	bool no_space;
	u64 append_at;
	u64 found_size;
	u64 last_end;
	struct vhdx_session_stats stats;
};

/* What vhdx_session_work() is to do besides what it finds to be needed. */
#define VHDX_WORK_BEGIN		0x1U	/* somebody wants to write */
#define VHDX_WORK_COMMIT	0x2U	/* make durable what was done so far */
#define VHDX_WORK_CHECKPOINT	0x4U	/* write the BAT in place */

/* What vhdx_session_zero() is for. */
enum vhdx_zero {
	VHDX_ZERO_DISCARD,	/* the bytes are not needed any more */
	VHDX_ZERO_WRITE,	/* they must read as zeros */
	VHDX_ZERO_KEEP,		/* likewise, and space that there is stays */
};

/**
 * vhdx_session_ready() - may writes go on without the committer?
 * @session: the session
 *
 * Context: any; the answer holds for as long as the pool lock is held, and is a
 * hint without it.
 * Return: 0; -EBUSY if the session must begin; -ENOSPC if it found no room to
 * do that; or -EROFS if nothing may be written any more.
 */
static inline int vhdx_session_ready(const struct vhdx_session *session)
{
	if (unlikely(READ_ONCE(session->mode) != VHDX_MODE_RW))
		return -EROFS;
	if (likely(READ_ONCE(session->live)))
		return 0;
	return READ_ONCE(session->no_space) ? -ENOSPC : -EBUSY;
}

/**
 * vhdx_session_take_prepared() - take the next prepared block
 * @session: the session, which has one
 *
 * Context: under the pool's lock.
 * Return: byte offset of the block in the file.
 */
static inline u64 vhdx_session_take_prepared(struct vhdx_session *session)
{
	u64 offset = session->prepared[session->prepared_first];

	session->prepared_first =
		(session->prepared_first + 1) % VHDX_PREPARED_MAX;
	WRITE_ONCE(session->prepared_count, session->prepared_count - 1);
	return offset;
}

int vhdx_session_check(const struct vhdx_image *image,
		       struct vhdx_report *report);
struct vhdx_session *vhdx_session_new(struct vhdx_image *image,
				      struct vhdx_report *report);
void vhdx_session_free(struct vhdx_session *session);
int vhdx_session_work(struct vhdx_session *session, unsigned int flags);
int vhdx_session_end(struct vhdx_session *session);
void vhdx_session_fail(struct vhdx_session *session, struct vhdx_place at,
		       const char *reason);

int vhdx_session_map(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_session_zero(struct vhdx_session *session, enum vhdx_zero why,
		      u64 pos, u64 len, struct vhdx_run *run,
		      struct vhdx_miss *miss);
bool vhdx_session_clean(struct vhdx_session *session);

int vhdx_session_survey(struct vhdx_session *session);
int vhdx_session_reserve(struct vhdx_session *session);
u64 vhdx_session_reclaims(const struct vhdx_session *session);
int vhdx_session_prepare(struct vhdx_session *session);
bool vhdx_session_drain(struct vhdx_session *session);
bool vhdx_session_drained(struct vhdx_session *session);
void vhdx_session_trim(struct vhdx_session *session);

#endif /* VHDX_SESSION_H */
