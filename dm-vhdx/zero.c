// SPDX-License-Identifier: GPL-2.0-only
/*
 * Discards and writes of zeroes.
 *
 * The engine asks its stores to zero and discard whole pages only. The stores
 * of the module also accept whole sectors of the virtual disk.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>

#include "charge.h"
#include "defer.h"
#include "device.h"
#include "scope.h"
#include "store/status.h"
#include "wrote.h"
#include "zero.h"

static enum vhdx_zero why_zero(const struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_DISCARD)
		return VHDX_ZERO_DISCARD;
	return bio->bi_opf & REQ_NOUNMAP ? VHDX_ZERO_KEEP : VHDX_ZERO_WRITE;
}

static int map_zero(struct vhdx_io *io, u64 pos, u64 len, struct vhdx_run *run,
		    struct vhdx_miss *miss)
{
	struct vhdx_committer *c = io->target->committer;
	int err;

	err = vhdx_session_ready(c->session);
	if (err)
		return err;
	err = vhdx_session_zero(c->session, why_zero(io->bio), pos, len, run,
				miss);
	if (!err)
		vhdx_committer_changed(c);
	return err;
}

/*
 * Discard whole pages only: a file system would zero a part of a page by
 * writing. If the store cannot discard, it keeps the space; a discard is only a
 * hint.
 */
static void discard_data(struct vhdx_store *store, const struct vhdx_run *run)
{
	u64 from = ALIGN(run->offset, VHDX_PAGE);
	u64 to = ALIGN_DOWN(run->offset + run->length, VHDX_PAGE);

	if (from < to)
		store->ops->discard(store, from, to - from);
}

/**
 * struct piece - a range that is zeroed in one way
 * @length: bytes
 * @data: by writing zeros as data
 */
struct piece {
	u64 length;
	bool data;
};

/*
 * Each range that a file zeroes without data becomes an extent of its own. So
 * this zeroes only whole granules without data, and parts of a page, which a
 * file system writes anyway.
 */
static struct piece next_piece(u64 pos, u64 len, u64 granularity)
{
	u64 end = pos + len, edge = ALIGN(pos + 1, granularity);

	if (IS_ALIGNED(pos, granularity) && len >= granularity)
		return (struct piece){ ALIGN_DOWN(len, granularity), false };
	if (IS_ALIGNED(pos, VHDX_PAGE) && min(end, edge) - pos >= VHDX_PAGE)
		return (struct piece){ VHDX_PAGE, true };
	return (struct piece){ min(end, ALIGN(pos + 1, VHDX_PAGE)) - pos, false };
}

static int write_piece(struct vhdx_store *store, u64 offset,
		       const struct piece *piece)
{
	const void *zeros = page_address(ZERO_PAGE(0));
	int err;

	for (;;) {
		if (piece->data)
			err = store->ops->write(store, offset, zeros,
						piece->length);
		else
			err = store->ops->zero(store, offset, piece->length);
		if (err != -ENOMEM)
			return err;
		msleep(VHDX_RETRY_MS);
	}
}

/*
 * Blocks begin at a MiB of the file, so pages of the file are pages of the
 * disk.
 */
static int write_zeros(const struct vhdx_target *t, struct vhdx_store *store,
		       u64 pos, const struct vhdx_run *run)
{
	struct piece piece = { run->length, false };
	u64 done;
	int err;

	for (done = 0; done < run->length; done += piece.length) {
		if (t->options.discard_granularity && t->layer[0].file)
			piece = next_piece(pos + done, run->length - done,
					   t->options.discard_granularity);
		err = write_piece(store, run->offset + done, &piece);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int zero_data(struct vhdx_io *io, const struct vhdx_run *run)
{
	struct vhdx_store *store = io->target->committer->image->store;
	struct vhdx_charge charge = vhdx_charge_enter(io->bio, false);
	int err = 0;

	if (bio_op(io->bio) == REQ_OP_DISCARD)
		discard_data(store, run);
	else
		err = write_zeros(io->target, store,
				  vhdx_target_pos(io->target, io->bio), run);
	vhdx_charge_leave(charge);
	return err;
}

/* In a child, zeros are data that hides the parent's: set their bits. */
static int note_zeros(struct vhdx_io *io, const struct vhdx_run *run)
{
	return vhdx_wrote_now(io->target, vhdx_target_pos(io->target, io->bio),
			      run->length);
}

/*
 * Return an errno of the engine, which may ask for the committer or for a page.
 * Errors of the store go to bi_status: only engine errnos may trigger a retry.
 */
static int zero_run(struct vhdx_io *io, struct vhdx_miss *miss)
{
	struct bio *bio = io->bio;
	struct vhdx_run run;
	int err;

	vhdx_io_enter(io->target, io);
	err = map_zero(io, vhdx_target_pos(io->target, bio),
		       bio->bi_iter.bi_size, &run, miss);
	if (!err && run.kind == VHDX_RUN_DATA)
		bio->bi_status = vhdx_blk_status(zero_data(io, &run));
	vhdx_io_leave(io);
	if (!err && !bio->bi_status && run.absent)
		bio->bi_status = errno_to_blk_status(note_zeros(io, &run));
	if (!err && !bio->bi_status)
		bio_advance(bio, run.length);
	return err;
}

/*
 * File systems respect the granularity, but other users of the device need not.
 * Reduce a discard to whole granules; the rest keeps its space.
 */
static void trim_discard(struct vhdx_io *io)
{
	u64 granularity = io->target->options.discard_granularity;
	u64 pos = vhdx_target_pos(io->target, io->bio);
	u64 end = pos + io->bio->bi_iter.bi_size;
	u64 from = min(ALIGN(pos, granularity), end);
	u64 to = max(ALIGN_DOWN(end, granularity), from);

	bio_advance(io->bio, from - pos);
	io->bio->bi_iter.bi_size = to - from;
}

/* Advance the bio over what is done: it may be resubmitted for the rest. */
static void zero_io(struct vhdx_io *io)
{
	struct vhdx_miss miss;
	int err = 0;

	if (io->bio->bi_opf & REQ_FUA)
		io->durable = true;
	if (io->target->options.discard_granularity &&
	    bio_op(io->bio) == REQ_OP_DISCARD)
		trim_discard(io);
	while (io->bio->bi_iter.bi_size && !io->bio->bi_status && !err) {
		err = zero_run(io, &miss);
		if (err == -EAGAIN)
			err = vhdx_defer_load(&miss);
		cond_resched();
	}
	if (err)
		vhdx_defer(io, err);
	else
		bio_endio(io->bio);
}

/**
 * vhdx_zero_work() - perform a discard or a write of zeroes
 * @work: work item of the struct vhdx_io of dm's clone, in no epoch
 *
 * Context: a worker; ends the bio, or hands it to the committer.
 */
void vhdx_zero_work(struct work_struct *work)
{
	struct vhdx_io *io = container_of(work, struct vhdx_io, wait.work);
	struct vhdx_scope scope = vhdx_scope_enter();

	zero_io(io);
	vhdx_scope_leave(scope);
}
