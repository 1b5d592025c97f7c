// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes, flushes, and the end of I/O.
 */
#include <linux/bio.h>
#include <linux/device-mapper.h>

#include "backing.h"
#include "device.h"
#include "store/file.h"
#include "trace.h"
#include "write.h"
#include "wrote.h"

static int map_session(struct vhdx_target *t, u64 pos, u64 len,
		       struct vhdx_run *run, struct vhdx_miss *miss)
{
	struct vhdx_committer *c = t->committer;
	int err = vhdx_session_map(c->session, pos, len, run, miss);

	if (trace_vhdx_allocate_enabled())
		trace_vhdx_allocate(vhdx_dev(t->ti), pos, err, run);
	if (!err)
		vhdx_committer_changed(c);
	return err;
}

/*
 * The session has not begun or has failed, or a block moves: then each write asks
 * the session, which knows the block.
 */
static int map_bent(struct vhdx_target *t, u64 pos, u64 len,
		    struct vhdx_run *run, struct vhdx_miss *miss)
{
	int err = vhdx_session_ready(t->committer->session);

	return err ? err : map_session(t, pos, len, run, miss);
}

/**
 * vhdx_write_map() - look up where to write
 * @t: the device
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0
 * @run: the run found, see vhdx_session_map()
 * @miss: on -EAGAIN, what vhdx_image_load() must load first
 *
 * The lookup of a block that has space takes no lock, as for a read.
 *
 * Context: process context, in an epoch; no I/O, no allocation. May take the
 * pool's lock.
 * Return: 0, or an error of vhdx_session_map(): -EAGAIN; -EALREADY, -EBUSY,
 * -EINPROGRESS or -ENOSPC, with which the bio goes to vhdx_committer_defer(); any
 * other error ends the write.
 */
int vhdx_write_map(struct vhdx_target *t, u64 pos, u64 len,
		   struct vhdx_run *run, struct vhdx_miss *miss)
{
	struct vhdx_committer *c = t->committer;
	int err;

	if (unlikely(!vhdx_session_straight(c->session)))
		return map_bent(t, pos, len, run, miss);
	err = vhdx_chain_map_own(t->chain, pos, len, run, miss);
	if (unlikely(err) || likely(run->kind == VHDX_RUN_DATA))
		return err;
	/* Of a child, a run that lacks some sectors may be written at once. */
	if (t->layers == 1)
		len = run->length;
	return map_session(t, pos, len, run, miss);
}

/**
 * vhdx_write_fua() - have a write durable when it ends
 * @io: I/O of dm's clone, with its mapping looked up and noted
 *
 * If the mapping is already committed, a FUA write suffices. Otherwise, and if
 * bits of a child are to be set, the write loses its FUA flag, and a commit
 * follows it. The order of the two reads matters: a block joins the transaction
 * before it appears in the BAT.
 *
 * Context: process context; takes the pool's lock.
 */
void vhdx_write_fua(struct vhdx_io *io)
{
	/* Pairs with the pool's lock, under which a block is published. */
	smp_rmb();
	if (!io->absent && vhdx_session_clean(io->target->committer->session))
		return;
	io->bio->bi_opf &= ~REQ_FUA;
	io->durable = true;
}

/**
 * vhdx_write_flush() - map dm's empty flush
 * @t: the device
 * @bio: dm's clone
 *
 * Context: ->map.
 * Return: DM_MAPIO_*.
 */
int vhdx_write_flush(struct vhdx_target *t, struct bio *bio)
{
	struct vhdx_io *io = dm_per_bio_data(bio, sizeof(*io));
	const struct vhdx_layer *child = &t->layer[0];
	struct vhdx_committer *c = t->committer;

	if (vhdx_session_ready(c->session) == -EROFS ||
	    READ_ONCE(c->image->store->lost))
		return DM_MAPIO_KILL;
	io->passes = vhdx_session_clean(c->session);
	if (!io->passes) {
		vhdx_committer_flush(c, bio);
		return DM_MAPIO_SUBMITTED;
	}
	if (child->bdev) {
		bio_set_dev(bio, child->bdev);
		return DM_MAPIO_REMAPPED;
	}
	vhdx_file_submit_flush(child->file, &io->file, bio);
	return DM_MAPIO_SUBMITTED;
}

/*
 * Return true if a flush of the store may have failed. A flush error is
 * reported only once. A disk with FUA support reports errors of the write
 * itself; any other store flushes as part of a FUA write. An I/O that was
 * refused, or that will be repeated, did not reach its flush.
 */
static bool had_flush(const struct vhdx_target *t, const struct bio *bio,
		      blk_status_t error)
{
	const struct vhdx_layer *child = &t->layer[0];

	if (error == BLK_STS_AGAIN || error == BLK_STS_DM_REQUEUE)
		return false;
	if (bio->bi_opf & REQ_PREFLUSH)
		return true;
	return bio->bi_opf & REQ_FUA && error != BLK_STS_NOSPC &&
	       error != BLK_STS_NOTSUPP &&
	       !(child->bdev && bdev_fua(child->bdev));
}

/* An I/O beyond the end of a truncated store fails: check each for that. */
static void look_why(const struct vhdx_target *t)
{
	unsigned int i;

	for (i = 0; i < t->layers; i++)
		if (t->layer[i].backing)
			vhdx_backing_failed(t->layer[i].backing);
}

/* A flush of the committer may have got the error of what this one was for. */
static blk_status_t flush_passed(struct vhdx_committer *c)
{
	if (READ_ONCE(c->image->store->lost))
		return BLK_STS_IOERR;
	vhdx_committer_hasten(c);
	return BLK_STS_OK;
}

/**
 * vhdx_end_io() - dm's ->end_io
 * @ti: the target
 * @bio: dm's clone
 * @error: its status
 *
 * dm calls this again when the bits of a write into a child are set, and when a
 * commit has made a write durable.
 *
 * Context: any, interrupts too.
 * Return: DM_ENDIO_*.
 */
int vhdx_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct vhdx_target *t = ti->private;
	struct vhdx_io *io;

	if (unlikely(*error))
		look_why(t);
	if (!t->committer)
		return DM_ENDIO_DONE;
	io = dm_per_bio_data(bio, sizeof(*io));
	vhdx_io_leave(io);
	if (likely(!*error) && vhdx_wrote_later(io))
		return DM_ENDIO_INCOMPLETE;
	if (unlikely(*error) && had_flush(t, bio, *error))
		vhdx_committer_flush_failed(t->committer);
	if (unlikely(bio->bi_opf & REQ_PREFLUSH) && !*error && io->passes)
		*error = flush_passed(t->committer);
	if (likely(!io->durable))
		return DM_ENDIO_DONE;
	io->durable = false;
	if (*error)
		return DM_ENDIO_DONE;
	vhdx_committer_flush(t->committer, bio);
	return DM_ENDIO_INCOMPLETE;
}
