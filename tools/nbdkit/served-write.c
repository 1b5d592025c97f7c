// SPDX-License-Identifier: GPL-2.0-only
/* Writes, zeroes, discards and flushes of the disk that the plugin serves. */
#include "served.h"

/**
 * struct change - one request that changes the disk
 * @served: the disk
 * @buf: bytes to write; NULL to zero or discard
 * @why: whether to zero or to discard
 * @pos: byte offset of the rest on the virtual disk
 * @len: bytes of the rest
 * @run: next part of the rest
 * @epoch: epoch of the I/O to @run
 */
struct change {
	struct served *served;
	const void *buf;
	enum vhdx_zero why;
	u64 pos;
	u64 len;
	struct vhdx_run run;
	unsigned int epoch;
};

/* Called with the mutex held. After success, the request is in an epoch. */
static int find_place(struct change *change)
{
	struct committer *c = change->served->committer;
	struct vhdx_miss miss;
	int r;

	do {
		change->epoch = committer_enter(c);
		if (change->buf)
			r = vhdx_session_map(c->session, change->pos,
					     change->len, &change->run, &miss);
		else
			r = vhdx_session_zero(c->session, change->why,
					      change->pos, change->len,
					      &change->run, &miss);
		if (!r)
			return 0;
		committer_leave(c, change->epoch);
		r = committer_help(c, r, &miss);
	} while (!r);
	return r;
}

/* Record sectors that the child lacked. Called with the mutex, in the epoch. */
static int set_bits(const struct change *change)
{
	struct committer *c = change->served->committer;
	struct vhdx_miss miss;
	int r;

	do {
		r = vhdx_session_wrote(c->session, change->pos,
				       change->run.length, &miss);
		if (!r)
			return 0;
		r = committer_help(c, r, &miss);
	} while (!r);
	return r;
}

/* Called without the mutex. A failed discard is no error. */
static int do_io(const struct change *change)
{
	struct vhdx_store *store = change->served->gate[0].below;
	const struct vhdx_run *run = &change->run;

	if (run->kind != VHDX_RUN_DATA)
		return 0;
	if (change->buf)
		return store->ops->write(store, run->offset, change->buf,
					 run->length);
	if (change->why == VHDX_ZERO_DISCARD)
		return store->ops->discard(store, run->offset, run->length);
	return store->ops->zero(store, run->offset, run->length);
}

static int change_run(struct change *change)
{
	pthread_mutex_t *lock = &change->served->lock;
	int r;

	pthread_mutex_lock(lock);
	r = find_place(change);
	if (!r) {
		pthread_mutex_unlock(lock);
		r = do_io(change);
		pthread_mutex_lock(lock);
		if (!r && change->run.absent)
			r = set_bits(change);
		committer_leave(change->served->committer, change->epoch);
	}
	pthread_mutex_unlock(lock);
	return r;
}

static int change_all(struct change *change)
{
	int r = 0;

	while (change->len && !r) {
		r = change_run(change);
		change->pos += change->run.length;
		change->len -= change->run.length;
		if (change->buf)
			change->buf = (const u8 *)change->buf +
				      change->run.length;
	}
	return r;
}

/**
 * served_write() - write bytes of the virtual disk
 * @served: the disk, open for writing
 * @pos: byte offset, sector-aligned
 * @buf: the bytes
 * @len: bytes, sector-aligned; ends inside the virtual disk
 *
 * Context: any thread; without the mutex.
 * Return: 0; -ENOSPC if there is no room; -EROFS if the session has failed; or
 * another negative errno.
 */
int served_write(struct served *served, u64 pos, const void *buf, u64 len)
{
	struct change change = {
		.served = served,
		.buf = buf,
		.pos = pos,
		.len = len,
	};

	return change_all(&change);
}

/**
 * served_zero() - zero or discard bytes of the virtual disk
 * @served: the disk, open for writing
 * @why: whether to zero or to discard
 * @pos: byte offset, sector-aligned
 * @len: bytes, sector-aligned; ends inside the virtual disk
 *
 * Context: any thread; without the mutex.
 * Return: as served_write().
 */
int served_zero(struct served *served, enum vhdx_zero why, u64 pos, u64 len)
{
	struct change change = {
		.served = served,
		.why = why,
		.pos = pos,
		.len = len,
	};

	return change_all(&change);
}

/**
 * served_flush() - make durable what was written before the call
 * @served: the disk, open for writing
 *
 * Context: any thread; without the mutex.
 * Return: 0 or a negative errno.
 */
int served_flush(struct served *served)
{
	int r;

	pthread_mutex_lock(&served->lock);
	r = committer_flush(served->committer);
	pthread_mutex_unlock(&served->lock);
	return r;
}

/**
 * served_settle() - leave clean files while nobody writes
 * @served: the disk, open for writing; the caller keeps new writes away
 *	meanwhile
 *
 * Context: any thread; without the mutex.
 * Return: 0; or a negative errno, and the log still has what was committed.
 */
int served_settle(struct served *served)
{
	int r;

	pthread_mutex_lock(&served->lock);
	r = committer_end(served->committer);
	pthread_mutex_unlock(&served->lock);
	return r;
}
