// SPDX-License-Identifier: GPL-2.0-only
/*
 * ->map: no lock, no allocation, and nothing that waits.
 */
#include <linux/bio.h>
#include <linux/device-mapper.h>

#include "map.h"
#include "provision.h"
#include "store-file.h"
#include "target.h"

static int map_file(struct vhdx_target *t, struct bio *bio,
		    const struct vhdx_layer *layer, u64 offset)
{
	struct vhdx_io *io = dm_per_bio_data(bio, sizeof(*io));

	io->target = t;
	io->bio = bio;
	vhdx_file_submit(layer->file, io, offset, layer->direct);
	return DM_MAPIO_SUBMITTED;
}

static int map_data(struct vhdx_target *t, struct bio *bio,
		    const struct vhdx_run *run)
{
	const struct vhdx_layer *layer = &t->layer[run->layer];

	if (!layer->bdev)
		return map_file(t, bio, layer, run->offset);
	bio_set_dev(bio, layer->bdev);
	bio->bi_iter.bi_sector = run->offset >> SECTOR_SHIFT;
	return DM_MAPIO_REMAPPED;
}

static int map_later(struct vhdx_target *t, struct bio *bio)
{
	vhdx_provision(t, bio);
	return DM_MAPIO_SUBMITTED;
}

/**
 * vhdx_map() - send a bio where it goes
 * @ti: the target
 * @bio: dm's clone
 *
 * The bio is cut where the run that it begins with ends, and dm comes back with
 * the rest: blocks that follow each other in the file are one run.
 *
 * Context: any that submits bios; does not wait.
 * Return: DM_MAPIO_*.
 */
int vhdx_map(struct dm_target *ti, struct bio *bio)
{
	struct vhdx_target *t = ti->private;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int err;

	/* The device is read-only, but the block layer lets some writes by. */
	if (unlikely(bio_op(bio) != REQ_OP_READ))
		return DM_MAPIO_KILL;

	err = vhdx_chain_map(t->chain, vhdx_target_pos(t, bio),
			     bio->bi_iter.bi_size, &run, &miss);
	if (unlikely(err == -EAGAIN))
		return map_later(t, bio);
	if (unlikely(err))
		return DM_MAPIO_KILL;

	if (run.length < bio->bi_iter.bi_size)
		dm_accept_partial_bio(bio, run.length >> SECTOR_SHIFT);
	if (likely(run.kind == VHDX_RUN_DATA))
		return map_data(t, bio, &run);
	if (run.kind == VHDX_RUN_COPY)
		return map_later(t, bio);
	zero_fill_bio(bio);
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}
