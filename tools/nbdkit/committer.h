/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer drives the session of a written image, as commit.h does in the
 * module.
 *
 * The engine permits one committer and one space worker at a time. Any thread
 * may take either part, and others wait for it. The clock's thread commits once
 * a second.
 *
 * Freed space must not be reused while I/O to its old place is under way. So
 * each I/O is counted in one of two epochs, from its lookup to its end.
 *
 * Callers hold the gate's mutex, except as noted.
 *
 * committer.c APIs:
 *   committer_new()		make a committer for an image
 *   committer_free()
 *   committer_help()		do what the engine needs to serve a request
 *   committer_flush()		make durable what was written before the call
 *   committer_end()		leave a clean file
 * committer.h APIs:
 *   committer_enter()		enter an epoch before a lookup
 *   committer_leave()		leave it after the I/O
 */
#ifndef COMMITTER_H
#define COMMITTER_H

#include <pthread.h>

#include "session.h"

/**
 * struct committer - the write side of the image that is served
 * @session: the engine's session
 * @lock: the gate's mutex
 * @change: signalled when a part is free or an epoch has ended
 * @committing: a thread is the committer
 * @preparing: a thread is the space worker
 * @begun: number of commits begun
 * @ended: number of the last commit that succeeded
 * @epoch: the epoch that new I/O enters
 * @under_way: number of I/Os in each epoch
 * @clock: the clock's thread
 * @stop: asks the clock's thread to end
 * @stopped: signalled when @stop is set
 */
struct committer {
	struct vhdx_session *session;
	pthread_mutex_t *lock;
	pthread_cond_t change;
	bool committing;
	bool preparing;
	u64 begun;
	u64 ended;
	unsigned int epoch;
	u64 under_way[2];
	pthread_t clock;
	bool stop;
	pthread_cond_t stopped;
};

struct committer *committer_new(struct vhdx_image *image,
				struct vhdx_report *report,
				pthread_mutex_t *lock);
void committer_free(struct committer *c);
int committer_help(struct committer *c, int err, const struct vhdx_miss *miss);
int committer_flush(struct committer *c);
int committer_end(struct committer *c);

/**
 * committer_enter() - enter the present epoch, before a lookup
 * @c: the committer
 *
 * Return: the epoch, for committer_leave().
 */
static inline unsigned int committer_enter(struct committer *c)
{
	c->under_way[c->epoch]++;
	return c->epoch;
}

/**
 * committer_leave() - leave an epoch, after the I/O or a lookup without I/O
 * @c: the committer
 * @epoch: from committer_enter()
 */
static inline void committer_leave(struct committer *c, unsigned int epoch)
{
	if (!--c->under_way[epoch])
		pthread_cond_broadcast(&c->change);
}

#endif /* COMMITTER_H */
