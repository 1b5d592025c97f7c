/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer: who drives the session of a written image, as commit.h does in
 * the module.
 *
 * The engine wants one committer and one space worker at a time. Any thread may
 * be either: it takes the part, and others wait for it. A clock's thread commits
 * each second what nobody has flushed.
 *
 * Freed space is used again when no I/O knows its old place any more, so each
 * I/O is counted in one of two epochs, from its lookup to its end.
 *
 * All functions are called with the gate's mutex held, except as noted.
 *
 * committer.c APIs:
 *   committer_new()		get ready to write an image
 *   committer_free()
 *   committer_help()		do what a request needs that was turned away
 *   committer_flush()		make durable what was written before the call
 *   committer_end()		leave a clean file
 * committer.h APIs:
 *   committer_enter()		an I/O is about to look its place up
 *   committer_leave()		it has ended
 */
#ifndef COMMITTER_H
#define COMMITTER_H

#include <pthread.h>

#include "session.h"

/**
 * struct committer - the write side of the image that is served
 * @session: the engine's
 * @lock: the gate's
 * @change: signalled when a part is free or an epoch has ended
 * @committing: a thread is the committer
 * @preparing: a thread is the space worker
 * @begun: number of commits begun
 * @ended: the last of them that has succeeded
 * @epoch: that of what enters now
 * @under_way: number of I/Os in each epoch
 * @clock: the clock's thread
 * @stop: it is to end
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
 * committer_enter() - an I/O is about to look its place up
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
 * committer_leave() - an I/O has ended, or found no place
 * @c: the committer
 * @epoch: from committer_enter()
 */
static inline void committer_leave(struct committer *c, unsigned int epoch)
{
	if (!--c->under_way[epoch])
		pthread_cond_broadcast(&c->change);
}

#endif /* COMMITTER_H */
