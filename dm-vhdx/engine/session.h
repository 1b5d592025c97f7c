/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: the write side of an image, from its first change to the clean end
 * ([MS-VHDX] 2.2.2.1, 2.3).
 *
 * Any task may look up where to write, and may free blocks; neither needs I/O.
 * Two tasks do everything that needs I/O, each of them one call at a time.
 *
 * The committer calls vhdx_session_work() when a lookup returned -EBUSY, when a
 * flush waits, and about once a second. Only the committer writes metadata. A
 * write is durable only after a call with VHDX_WORK_COMMIT has returned 0: to
 * the user, the device is a disk with a volatile write cache.
 *
 * The space worker calls vhdx_session_prepare() when a lookup returned
 * -EINPROGRESS or when blocks run low, and vhdx_session_drain() and
 * vhdx_session_drained() after commits. Its calls may take long, so no flush
 * waits for them. The space worker is idle while the session ends.
 *
 * The first vhdx_session_work() surveys the whole BAT, because only space that
 * is known to be free may be written to. The first request to write begins the
 * session.
 *
 * An image that becomes the parent of a new child is sealed: its session ends
 * under a DataWriteGuid that the child already names, and no other begins.
 *
 * session.c APIs:
 *   vhdx_session_check()	check that an image may be written
 *   vhdx_session_new()		make a session for an image
 *   vhdx_session_free()
 *   vhdx_session_work()	begin, commit and checkpoint as needed
 *   vhdx_session_end()		commit everything and leave a clean file
 *   vhdx_session_seal()	choose the identity that the image ends under
 *   vhdx_session_unseal()	permit sessions again
 *   vhdx_session_fail()	stop all writing
 *   vhdx_session_begin_under()	choose the DataWriteGuid of the next session
 *   vhdx_session_stay()	give up the move of a block
 *   vhdx_session_bend()	work out whether writes may pass by the session
 * session-map.c APIs:
 *   vhdx_session_map()		virtual range -> where to write it
 *   vhdx_session_zero()	discard or zero a virtual range
 *   vhdx_session_clean()	test whether a flush has nothing to commit
 *   vhdx_session_changed()	test whether there is anything to commit
 * child.c APIs:
 *   vhdx_session_wrote()	sectors of a child have been written
 * session-survey.c APIs:
 *   vhdx_session_survey()	find all free space
 * session-space.c APIs:
 *   vhdx_session_refresh()	find out whether the store is longer
 *   vhdx_session_reserve()	reserve space for the log and the BAT
 *   vhdx_session_reclaims()	amount of space that is becoming free
 *   vhdx_session_full()	test whether there is no room for a block
 *   vhdx_session_space()	take space for something else than a block
 *   vhdx_session_prepare()	prepare blocks for allocation
 *   vhdx_session_unprepare()	give back what was prepared
 *   vhdx_session_drain()	test whether freed space waits for I/O to end
 *   vhdx_session_drained()	free that space after the I/O has ended
 *   vhdx_session_trim()	give back unused space
 * session.h APIs:
 *   vhdx_session_ready()	test whether writes need the committer first
 *   vhdx_session_straight()	test whether overwrites may pass by the session
 *   vhdx_session_take_prepared()	take the next prepared block
 */
#ifndef VHDX_SESSION_H
#define VHDX_SESSION_H

#include "chain.h"
#include "journal.h"
#include "space.h"

/* Number of prepared blocks, initially and at most. */
#define VHDX_PREPARED_MIN	2U
#define VHDX_PREPARED_MAX	64U

/**
 * enum vhdx_mode - permitted use of an image
 * @VHDX_MODE_RW: reading and writing
 * @VHDX_MODE_RO: reading only: a write to the log or a flush has failed, or the
 *	image has a fault that makes writing unsafe
 */
enum vhdx_mode {
	VHDX_MODE_RW,
	VHDX_MODE_RO,
};

/**
 * struct vhdx_session_stats - counters since the session was made
 * @allocated: blocks that got space
 * @freed: blocks that gave up their space
 * @bitmaps: sector bitmap blocks that were made
 * @commits: transactions made durable
 * @checkpoints: passes over the logged pages
 * @prepared: blocks prepared
 * @begun: how often the session began
 * @moved: blocks that moved to another place
 */
struct vhdx_session_stats {
	u64 allocated;
	u64 freed;
	u64 bitmaps;
	u64 commits;
	u64 checkpoints;
	u64 prepared;
	u64 begun;
	u64 moved;
};

/**
 * struct vhdx_prepared - blocks that await allocation
 * @block: ring of byte offsets of prepared blocks
 * @first: index of the first prepared block
 * @count: number of prepared blocks
 * @goal: target for @count; rises as blocks are used up
 * @bitmap: byte offset of a prepared sector bitmap block, or 0
 * @wants_bitmap: a lookup needs a sector bitmap block
 * @wanted: lookups need blocks, so more should be prepared
 * @more: the last pass has not reached its goal
 *
 * The image's pool lock guards all of it. @count, @wanted and @more may be read
 * without the lock, as hints.
 */
struct vhdx_prepared {
	u64 block[VHDX_PREPARED_MAX];
	u32 first;
	u32 count;
	u32 goal;
	u64 bitmap;
	bool wants_bitmap;
	bool wanted;
	bool more;
};

/**
 * struct vhdx_seal - the identity that an image ends under
 * @next: DataWriteGuid that the image gets when the session ends; null to keep
 *	the one that it has
 * @used: the last @next that took effect; null for none
 * @closed: @next has taken effect, so no session may begin
 *
 * Only the committer uses it.
 */
struct vhdx_seal {
	guid_t next;
	guid_t used;
	bool closed;
};

/**
 * struct vhdx_move - a block on its way to a hole, see move.h
 * @fenced: there is such a block, and nobody may write it
 * @lost: the block has given up its space meanwhile, so the move is void
 * @index: of its entry in the BAT
 * @entry: the entry when the move began
 * @to: byte offset in the file of the hole, which is taken
 * @done: bytes copied; only the space worker uses it
 *
 * The image's pool lock guards all else.
 */
struct vhdx_move {
	bool fenced;
	bool lost;
	u64 index;
	u64 entry;
	u64 to;
	u64 done;
};

/**
 * struct vhdx_session - the write side of an open image
 * @image: the image; outlives the session
 * @report: receives findings
 * @mode: permitted use of the image
 * @reason: if the mode is not VHDX_MODE_RW, why, in words
 * @live: the headers name our log, and writes may proceed
 * @straight: likewise, and no block moves; a hint that allows an overwrite to
 *	look up its place without a lock
 * @committing: a transaction is closed but not yet durable
 * @seal: the identity that the image ends under
 * @surveyed: @space is complete
 * @abort_survey: somebody waits for the end; the survey stops and can be made
 *	later
 * @space: map of owned and free space
 * @journal: changes on their way to disk
 * @prepared: blocks that await allocation
 * @crowded: a change did not fit in the open transaction: a commit is needed
 * @reclaim: the file had to grow although space was freed: a commit is needed
 * @space_error: errno of the store that stopped the space worker, or 0
 * @bad_places: number of free places that could not be zeroed and are not used
 * @no_space: the last attempt to prepare a block found no room, or the session
 *	could not begin because the log and the BAT had none
 * @append_at: byte offset from which the file is ours: we added that part, and
 *	nobody has used it
 * @found_size: length of the file in bytes before we added to it
 * @last_end: byte offset behind every block published in this session
 * @begin_under: the DataWriteGuid that the next begin takes; null for a new one
 * @move: the block that moves
 * @stats: counters
 *
 * @image and @report never change. @abort_survey is set without a lock. Only
 * the committer changes @surveyed and @journal, except for the journal's lists
 * and @changed_count. While the session is live, only the space worker changes
 * @append_at and @bad_places and grows @space. Otherwise the committer does,
 * and it also owns @found_size, @space, @last_end and @begin_under. The image's
 * pool lock guards everything else, except that the space worker sets @reclaim
 * without it. @mode, @live, @no_space, @reclaim and @space_error may be read
 * without the lock, as hints. So may @reason, once the mode has changed.
 */
struct vhdx_session {
	struct vhdx_image *image;
	struct vhdx_report *report;
	enum vhdx_mode mode;
	char reason[VHDX_SENTENCE_MAX];
	bool live;
	bool straight;
	bool committing;
	struct vhdx_seal seal;
	bool surveyed;
	bool abort_survey;
	struct vhdx_space space;
	struct vhdx_journal journal;
	struct vhdx_prepared prepared;
	bool crowded;
	bool reclaim;
	int space_error;
	u32 bad_places;
	bool no_space;
	u64 append_at;
	u64 found_size;
	u64 last_end;
	guid_t begin_under;
	struct vhdx_move move;
	struct vhdx_session_stats stats;
};

/* Requests to vhdx_session_work(), in addition to the work that it finds. */
#define VHDX_WORK_BEGIN		0x1U	/* somebody wants to write */
#define VHDX_WORK_COMMIT	0x2U	/* make all earlier changes durable */
#define VHDX_WORK_CHECKPOINT	0x4U	/* write the BAT in place */

/* Purposes of vhdx_session_zero(). */
enum vhdx_zero {
	VHDX_ZERO_DISCARD,	/* the bytes are no longer needed */
	VHDX_ZERO_WRITE,	/* the bytes must read as zeros */
	VHDX_ZERO_KEEP,		/* likewise, and blocks keep their space */
};

/**
 * vhdx_session_ready() - test whether writes need the committer first
 * @session: the session
 *
 * Context: any. The result holds while the pool lock is held; without the lock
 * it is a hint.
 * Return: 0 if writes may proceed; -EBUSY if the session must begin; -ENOSPC if
 * it found no room to begin; or -EROFS if nothing may be written any more.
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
 * vhdx_session_straight() - test whether an overwrite may pass by the session
 * @session: the session
 *
 * Such a write looks its place up by vhdx_chain_map_own(), without a lock, and
 * asks vhdx_session_map() only if it finds none. While a block moves, each write
 * asks vhdx_session_map(), so that nobody else pays for the fence.
 *
 * Context: any, in an epoch that was entered before.
 * Return: true if it may.
 */
static inline bool vhdx_session_straight(const struct vhdx_session *session)
{
	/*
	 * Pairs with the release in vhdx_session_bend(): a lookup after this
	 * one finds the new place of a block that has moved.
	 */
	return likely(smp_load_acquire(&session->straight));
}

/**
 * vhdx_session_take_prepared() - take the next prepared block
 * @session: the session, with a prepared block
 *
 * Context: under the pool's lock.
 * Return: byte offset of the block in the file.
 */
static inline u64 vhdx_session_take_prepared(struct vhdx_session *session)
{
	u64 offset = session->prepared.block[session->prepared.first];

	session->prepared.first =
		(session->prepared.first + 1) % VHDX_PREPARED_MAX;
	WRITE_ONCE(session->prepared.count, session->prepared.count - 1);
	return offset;
}

int vhdx_session_check(const struct vhdx_image *image,
		       struct vhdx_report *report);
struct vhdx_session *vhdx_session_new(struct vhdx_image *image,
				      struct vhdx_report *report);
void vhdx_session_free(struct vhdx_session *session);
int vhdx_session_work(struct vhdx_session *session, unsigned int flags);
int vhdx_session_end(struct vhdx_session *session);
int vhdx_session_seal(struct vhdx_session *session, const guid_t *guid,
		      guid_t *holds);
void vhdx_session_unseal(struct vhdx_session *session);
void vhdx_session_fail(struct vhdx_session *session, struct vhdx_place at,
		       const char *reason);
void vhdx_session_begin_under(struct vhdx_session *session, const guid_t *guid);
void vhdx_session_bend(struct vhdx_session *session);
void vhdx_session_stay(struct vhdx_session *session);

int vhdx_session_map(struct vhdx_session *session, u64 pos, u64 len,
		     struct vhdx_run *run, struct vhdx_miss *miss);
int vhdx_session_zero(struct vhdx_session *session, enum vhdx_zero why,
		      u64 pos, u64 len, struct vhdx_run *run,
		      struct vhdx_miss *miss);
bool vhdx_session_clean(struct vhdx_session *session);
bool vhdx_session_changed(struct vhdx_session *session);
int vhdx_session_wrote(struct vhdx_session *session, u64 pos, u64 len,
		       struct vhdx_miss *miss);

int vhdx_session_survey(struct vhdx_session *session);
void vhdx_session_refresh(struct vhdx_session *session);
int vhdx_session_reserve(struct vhdx_session *session);
u64 vhdx_session_reclaims(const struct vhdx_session *session);
bool vhdx_session_full(const struct vhdx_session *session);
int vhdx_session_space(struct vhdx_session *session, u64 size, u64 *offset);
int vhdx_session_prepare(struct vhdx_session *session);
void vhdx_session_unprepare(struct vhdx_session *session, u64 from);
bool vhdx_session_drain(struct vhdx_session *session);
bool vhdx_session_drained(struct vhdx_session *session);
void vhdx_session_trim(struct vhdx_session *session);

#endif /* VHDX_SESSION_H */
