/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device made of images. Each file that knows a whole device includes this one.
 * The committer, the layers and the stores are below it, and do not.
 *
 * device.h APIs:
 *   vhdx_target_pos()		where on the virtual disk a bio begins
 *   vhdx_io_enter()		before a lookup, if the device is written to
 */
#ifndef VHDX_DEVICE_H
#define VHDX_DEVICE_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/mempool.h>
#include <linux/workqueue.h>

#include "commit.h"
#include "engine/chain.h"
#include "io.h"
#include "layer.h"
#include "table.h"

/**
 * struct vhdx_target - a device
 * @chain: the images, understood
 * @ti: dm's side of it
 * @committer: of the child, NULL if the device is read-only
 * @options: the features that its table named
 * @loader: runs what waits for pages of metadata
 * @zeroer: runs discards and zeroes
 * @parts: bios for the runs of a bio that has waited, see struct vhdx_part
 * @bounce: pages for what vhdx_chain_read() reads
 * @deferred: bios that had to wait, so far
 * @layers: how many images; known before there is a @chain
 * @layer: the images, child first
 */
struct vhdx_target {
	struct vhdx_chain *chain;
	struct dm_target *ti;
	struct vhdx_committer *committer;
	struct vhdx_options options;
	struct workqueue_struct *loader;
	struct workqueue_struct *zeroer;
	struct bio_set parts;
	mempool_t *bounce;
	atomic64_t deferred;
	unsigned int layers;
	struct vhdx_layer layer[];
};

/* A run of a bio that has waited; the bio set's front pad makes room. */
struct vhdx_part {
	struct vhdx_io io;
	struct bio bio;
};

/**
 * vhdx_target_pos() - where on the virtual disk a bio begins
 * @t: the device
 * @bio: not yet remapped
 *
 * Return: bytes.
 */
static inline u64 vhdx_target_pos(const struct vhdx_target *t,
				  const struct bio *bio)
{
	return (u64)dm_target_offset(t->ti, bio->bi_iter.bi_sector)
		<< SECTOR_SHIFT;
}

/**
 * vhdx_io_enter() - enter the present epoch, if the device is written to
 * @t: the device
 * @io: in no epoch
 */
static inline void vhdx_io_enter(struct vhdx_target *t, struct vhdx_io *io)
{
	if (t->committer)
		io->epoch = vhdx_epoch_enter(&t->committer->epochs);
}

#endif /* VHDX_DEVICE_H */
