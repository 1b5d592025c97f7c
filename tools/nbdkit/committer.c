// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "committer.h"
#include "recover.h"

/* Seconds without a change, after which the clock writes the BAT in place. */
#define CHECKPOINT_DELAY	5U

/* One commit makes freed space usable; others may free more meanwhile. */
#define ROOM_TRIES		3U

static void take_part(struct committer *c, bool *part)
{
	while (*part)
		pthread_cond_wait(&c->change, c->lock);
	*part = true;
}

static void give_part(struct committer *c, bool *part)
{
	*part = false;
	pthread_cond_broadcast(&c->change);
}

static int work(struct committer *c, unsigned int flags)
{
	u64 commit;
	int err;

	take_part(c, &c->committing);
	if (flags & VHDX_WORK_COMMIT)
		c->begun++;
	commit = c->begun;
	err = vhdx_session_work(c->session, flags);
	if (!err && flags & VHDX_WORK_COMMIT)
		c->ended = commit;
	give_part(c, &c->committing);
	return err;
}

/*
 * Drain space that was freed and committed. A thread that waits here is in no
 * epoch. A thread in an epoch waits for nothing but the committer.
 */
static void drain(struct committer *c)
{
	unsigned int old;

	take_part(c, &c->preparing);
	if (vhdx_session_drain(c->session)) {
		old = c->epoch;
		c->epoch = !old;
		while (c->under_way[old])
			pthread_cond_wait(&c->change, c->lock);
		while (vhdx_session_drained(c->session))
			;
	}
	give_part(c, &c->preparing);
}

static int prepare(struct committer *c)
{
	int err;

	take_part(c, &c->preparing);
	err = vhdx_session_prepare(c->session);
	give_part(c, &c->preparing);
	if (err == -ENOMEM)
		return err;
	/* The committer reports errors of the space worker. */
	if (c->session->reclaim || c->session->space_error)
		return work(c, 0);
	return 0;
}

/* If the session found no room to begin, try again for each request. */
static int find_room(struct committer *c)
{
	struct vhdx_session *session = c->session;
	unsigned int tries;
	int err;

	for (tries = 0; tries < ROOM_TRIES; tries++) {
		err = session->live ? prepare(c) : work(c, VHDX_WORK_BEGIN);
		if (err || !vhdx_session_full(session))
			return err;
		if (!session->live || !vhdx_session_reclaims(session))
			break;
		err = work(c, VHDX_WORK_COMMIT);
		if (err)
			return err;
		drain(c);
	}
	return -ENOSPC;
}

/**
 * committer_help() - do what the engine needs before it can serve a request
 * @c: the committer
 * @err: errno of vhdx_session_map(), vhdx_session_zero() or
 *	vhdx_session_wrote()
 * @miss: set by the same call
 *
 * Context: the request is in an epoch only if vhdx_session_wrote() returned
 * @err. Drops the mutex meanwhile.
 * Return: 0: repeat the call; or the errno with which the request fails.
 */
int committer_help(struct committer *c, int err, const struct vhdx_miss *miss)
{
	switch (err) {
	case -EAGAIN:
		return vhdx_image_load(miss);
	case -EBUSY:
		return work(c, VHDX_WORK_BEGIN);
	case -EINPROGRESS:
	case -ENOSPC:
		return find_room(c);
	default:
		return err;
	}
}

/**
 * committer_flush() - make durable what was written before the call
 * @c: the committer
 *
 * Threads that wait for a commit that has not begun yet share it.
 *
 * Context: in no epoch; drops the mutex meanwhile.
 * Return: 0, or a negative errno after which the session may have failed.
 */
int committer_flush(struct committer *c)
{
	u64 wanted = c->begun + 1;

	while (c->committing && c->ended < wanted)
		pthread_cond_wait(&c->change, c->lock);
	return c->ended < wanted ? work(c, VHDX_WORK_COMMIT) : 0;
}

/**
 * committer_end() - leave a clean file
 * @c: the committer; the call waits for all I/O that is under way
 *
 * The next write begins a new session.
 *
 * Context: in no epoch; drops the mutex meanwhile.
 * Return: as vhdx_session_end().
 */
int committer_end(struct committer *c)
{
	int err;

	/* vhdx_session_end() drains all freed space itself. */
	drain(c);
	take_part(c, &c->preparing);
	while (c->under_way[0] || c->under_way[1])
		pthread_cond_wait(&c->change, c->lock);
	take_part(c, &c->committing);
	err = vhdx_session_end(c->session);
	give_part(c, &c->committing);
	give_part(c, &c->preparing);
	return err;
}

/* Return for how many ticks nothing has changed. Findings report failures. */
static unsigned int tick(struct committer *c, unsigned int idle)
{
	struct vhdx_session *session = c->session;

	if (!session->live || session->mode != VHDX_MODE_RW)
		return 0;
	if (vhdx_session_changed(session)) {
		work(c, VHDX_WORK_COMMIT);
		idle = 0;
	} else if (++idle == CHECKPOINT_DELAY) {
		work(c, VHDX_WORK_CHECKPOINT);
	}
	if (session->space.freed[VHDX_FREED_WAITING])
		drain(c);
	return idle;
}

static void *clock_thread(void *data)
{
	struct committer *c = data;
	struct timespec until;
	unsigned int idle = 0;

	pthread_mutex_lock(c->lock);
	while (!c->stop) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		while (!c->stop &&
		       pthread_cond_timedwait(&c->stopped, c->lock, &until) !=
		       ETIMEDOUT)
			;
		if (!c->stop)
			idle = tick(c, idle);
	}
	pthread_mutex_unlock(c->lock);
	return NULL;
}

/**
 * committer_new() - make a committer for an image
 * @image: the image, open for writing; a dirty log is replayed on disk
 * @report: receives findings; outlives the committer
 * @lock: the gate's mutex
 *
 * Reads the whole BAT, so that an image whose faults make writing unsafe is
 * refused before the first write.
 *
 * Context: with the mutex held, and no other thread in the engine.
 * Return: the committer, or an ERR_PTR: -EROFS after a finding if the image
 * cannot be written.
 */
struct committer *committer_new(struct vhdx_image *image,
				struct vhdx_report *report,
				pthread_mutex_t *lock)
{
	struct committer *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (!err)
		err = vhdx_image_recover(image);
	if (err)
		goto no_session;
	*c = (struct committer){ .lock = lock };
	pthread_cond_init(&c->change, NULL);
	pthread_cond_init(&c->stopped, NULL);
	c->session = vhdx_session_new(image, report);
	err = IS_ERR(c->session) ? (int)PTR_ERR(c->session) : 0;
	if (err)
		goto no_session;
	err = vhdx_session_work(c->session, 0);
	if (!err)
		err = -pthread_create(&c->clock, NULL, clock_thread, c);
	if (!err)
		return c;
	vhdx_session_free(c->session);
no_session:
	free(c);
	return ERR_PTR(err);
}

/**
 * committer_free() - free the committer and its session
 * @c: the committer, with no I/O under way; if the session has not ended, this
 *	is like a crash
 *
 * Context: without the mutex.
 */
void committer_free(struct committer *c)
{
	pthread_mutex_lock(c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->stopped);
	pthread_mutex_unlock(c->lock);
	pthread_join(c->clock, NULL);
	pthread_cond_destroy(&c->change);
	pthread_cond_destroy(&c->stopped);
	vhdx_session_free(c->session);
	free(c);
}
