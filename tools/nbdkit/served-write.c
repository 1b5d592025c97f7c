// SPDX-License-Identifier: GPL-2.0-only
/* What changes the disk that the plugin serves. */
#include "served.h"

/**
 * struct change - one request that changes the disk
 * @served: the disk
 * @buf: what to write; NULL to zero or discard
 * @why: which of the two
 * @pos: byte offset on the virtual disk of what is left to do
 * @len: bytes that are left
 * @run: the part that is done next
 * @epoch: that of the I/O to @run
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

/* With the mutex held; after success, in the epoch. */
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

/* Sectors that a child lacked: with the mutex held, in the epoch. */
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

/* Without the mutex. A store need not do a discard. */
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
 * @len: how many, sector-aligned; ends inside the virtual disk
 *
 * Context: any thread; without the mutex.
 * Return: 0 or a negative errno: -ENOSPC if there is no room, -EROFS if nothing
 * is written any more.
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
 * @why: which of them
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
 * served_settle() - leave clean files: nobody writes for now
 * @served: the disk, open for writing; no new request to write comes meanwhile
 *
 * Context: any thread; without the mutex.
 * Return: 0 or a negative errno: the log has what was committed.
 */
int served_settle(struct served *served)
{
	int r;

	pthread_mutex_lock(&served->lock);
	r = committer_end(served->committer);
	pthread_mutex_unlock(&served->lock);
	return r;
}
