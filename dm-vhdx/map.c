// SPDX-License-Identifier: GPL-2.0-only
/*
 * ->map. It never sleeps. For a block that has space, it takes no lock and
 * allocates nothing. locate_write(), which a worker runs in place of ->map for
 * a write to a file, follows the same rules.
 */
#include <linux/bio.h>
#include <linux/device-mapper.h>

#include "charge.h"
#include "device.h"
#include "map.h"
#include "provision.h"
#include "store/file.h"
#include "trace.h"
#include "write.h"
#include "wrote.h"

static int map_data(struct vhdx_target *t, struct vhdx_io *io,
		    const struct vhdx_run *run)
{
	const struct vhdx_layer *layer = &t->layer[run->layer];
	struct bio *bio = io->bio;

	if (!layer->bdev) {
		vhdx_charge_note(bio);
		vhdx_file_submit(layer->file, &io->file, bio, run->offset,
				 layer->direct);
		return DM_MAPIO_SUBMITTED;
	}
	bio_set_dev(bio, layer->bdev);
	bio->bi_iter.bi_sector = run->offset >> SECTOR_SHIFT;
	return DM_MAPIO_REMAPPED;
}

static int map_later(struct vhdx_io *io, int err)
{
	vhdx_io_leave(io);
	vhdx_charge_note(io->bio);
	if (!err || err == -EAGAIN) {
		vhdx_provision(io);
		return DM_MAPIO_SUBMITTED;
	}
	if (!vhdx_committer_takes(err))
		return DM_MAPIO_KILL;
	vhdx_provision_prepare(io);
	vhdx_committer_defer(io->target->committer, io->bio, err);
	return DM_MAPIO_SUBMITTED;
}

/* The block layer submits some bios, such as a flush, to read-only devices. */
static int map_other(struct vhdx_target *t, struct vhdx_io *io)
{
	struct bio *bio = io->bio;

	if (!t->committer) {
		if (bio_op(bio) != REQ_OP_WRITE || bio->bi_iter.bi_size)
			return DM_MAPIO_KILL;
		/* A flush: there is nothing to make durable. */
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	switch (bio_op(bio)) {
	case REQ_OP_WRITE:
		return vhdx_write_flush(t, bio);
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return map_later(io, 0);
	default:
		return DM_MAPIO_KILL;
	}
}

static int map_run(struct vhdx_target *t, struct vhdx_io *io,
		   const struct vhdx_run *run)
{
	struct bio *bio = io->bio;

	if (run->length < bio->bi_iter.bi_size)
		dm_accept_partial_bio(bio, run->length >> SECTOR_SHIFT);
	if (likely(run->kind == VHDX_RUN_DATA)) {
		if (unlikely(run->absent))
			vhdx_wrote_note(io, vhdx_target_pos(t, bio), run);
		if (unlikely(bio->bi_opf & REQ_FUA) && t->committer)
			vhdx_write_fua(io);
		return map_data(t, io, run);
	}
	if (run->kind == VHDX_RUN_COPY)
		return map_later(io, 0);
	zero_fill_bio(bio);
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

/*
 * Look up where a write goes, in the worker that issues it. If the write is not
 * a single run of data, do what ->map would, and return false.
 */
static bool locate_write(struct vhdx_file_io *file_io)
{
	struct vhdx_io *io = container_of(file_io, struct vhdx_io, file);
	struct vhdx_target *t = io->target;
	u64 pos = vhdx_target_pos(t, io->bio);
	u32 len = io->bio->bi_iter.bi_size;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int err;

	vhdx_io_enter(t, io);
	err = vhdx_write_map(t, pos, len, &run, &miss);
	if (unlikely(err || run.kind != VHDX_RUN_DATA || run.length < len)) {
		if (map_later(io, err) == DM_MAPIO_KILL) {
			/* Keep vhdx_end_io() from seeing a failed flush. */
			io->bio->bi_opf &= ~REQ_FUA;
			bio_io_error(io->bio);
		}
		return false;
	}
	trace_vhdx_map_bio(io->bio, pos, &run);
	if (unlikely(run.absent))
		vhdx_wrote_note(io, pos, &run);
	if (unlikely(io->bio->bi_opf & REQ_FUA))
		vhdx_write_fua(io);
	file_io->pos = run.offset;
	return true;
}

/*
 * A write to a file needs a worker anyway, so the worker looks up its place,
 * too. Of two tasks that share a CPU, the scheduler prefers the one that has
 * run less. A worker that does less for each bio than the task that submits it
 * would preempt that task at each bio, and never find a second bio for its
 * batch. ->map looks up reads itself, since a read of zeros needs no worker.
 */
static bool worker_locates(const struct vhdx_target *t, const struct bio *bio)
{
	const struct vhdx_layer *child = &t->layer[0];

	return bio_op(bio) == REQ_OP_WRITE && child->file &&
	       vhdx_file_in_batches(child->file, child->direct);
}

/* Cut the write at the end of its block; within a block it is contiguous. */
static int map_by_worker(struct vhdx_target *t, struct vhdx_io *io, u64 pos)
{
	u64 block = vhdx_bat_block_size(&t->chain->layer[0]->bat);
	u64 left = block - (pos & (block - 1));

	if (left < io->bio->bi_iter.bi_size)
		dm_accept_partial_bio(io->bio, left >> SECTOR_SHIFT);
	vhdx_charge_note(io->bio);
	vhdx_file_submit_later(t->layer[0].file, &io->file, io->bio,
			       locate_write);
	return DM_MAPIO_SUBMITTED;
}

static bool is_plain(const struct vhdx_target *t, const struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_READ)
		return true;
	return bio_op(bio) == REQ_OP_WRITE && t->committer &&
	       bio->bi_iter.bi_size;
}

/**
 * vhdx_map() - dm's ->map
 * @ti: the target
 * @bio: dm's clone
 *
 * Cuts the bio at the end of its first run, and dm calls again with the rest.
 * Blocks that are adjacent in the file form one run. A write that a worker
 * looks up is cut at the end of its block instead.
 *
 * Context: any that submits bios; does not sleep.
 * Return: DM_MAPIO_*.
 */
int vhdx_map(struct dm_target *ti, struct bio *bio)
{
	struct vhdx_io *io = dm_per_bio_data(bio, sizeof(*io));
	struct vhdx_target *t = ti->private;
	u64 pos = vhdx_target_pos(t, bio);
	struct vhdx_miss miss;
	struct vhdx_run run;
	int err;

	io->target = t;
	io->bio = bio;
	io->epoch = NULL;
	io->durable = false;
	io->absent = 0;
	if (unlikely(!is_plain(t, bio)))
		return map_other(t, io);
	if (worker_locates(t, bio))
		return map_by_worker(t, io, pos);

	vhdx_io_enter(t, io);
	if (bio_op(bio) == REQ_OP_READ)
		err = vhdx_chain_map(t->chain, pos, bio->bi_iter.bi_size, &run,
				     &miss);
	else
		err = vhdx_write_map(t, pos, bio->bi_iter.bi_size, &run, &miss);
	if (unlikely(err))
		return map_later(io, err);
	trace_vhdx_map_bio(bio, pos, &run);
	return map_run(t, io, &run);
}
