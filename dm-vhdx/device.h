/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct vhdx_target: a device made of images. Files that deal with a whole
 * device include this one. The committer, the layers and the stores do not.
 *
 * device.h APIs:
 *   vhdx_target_writable()	is the device to be written?
 *   vhdx_target_pos()		where a bio begins on the virtual disk
 *   vhdx_io_enter()		enter an epoch before a lookup
 */
#ifndef VHDX_DEVICE_H
#define VHDX_DEVICE_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/mempool.h>
#include <linux/workqueue.h>

#include "commit.h"
#include "compat.h"
#include "engine/chain.h"
#include "io.h"
#include "layer.h"
#include "stack.h"
#include "table.h"

/**
 * struct vhdx_wrote - writes that have ended, and whose bits are not yet set
 * @ended: them, the last one first
 * @work: sets the bits
 * @worker: the workqueue for @work
 */
struct vhdx_wrote {
	struct llist_head ended;
	struct work_struct work;
	struct workqueue_struct *worker;
};

/**
 * struct vhdx_target - a device
 * @chain: the parsed images
 * @ti: the dm target
 * @committer: committer of the child, NULL if the device is read-only
 * @options: features that the table line names
 * @loader: workqueue of bios that wait for pages of metadata
 * @zeroer: workqueue of discards and zeroes
 * @wrote: writes that have ended; of a child that is written
 * @parts: bios for the runs of a bio that a worker splits, see struct vhdx_part
 * @bounce: pages for vhdx_chain_read() to read into
 * @deferred: number of bios that went to a worker so far
 * @stack: devices that the images lie on
 * @layers: number of images; set before @chain is
 * @layer: the images, child first
 */
struct vhdx_target {
	struct vhdx_chain *chain;
	struct dm_target *ti;
	struct vhdx_committer *committer;
	struct vhdx_options options;
	struct workqueue_struct *loader;
	struct workqueue_struct *zeroer;
	struct vhdx_wrote wrote;
	struct bio_set parts;
	mempool_t *bounce;
	atomic64_t deferred;
	struct vhdx_stack stack;
	unsigned int layers;
	struct vhdx_layer layer[];
};

/* A run that a worker split off a bio; @io lies in the bio set's front pad. */
struct vhdx_part {
	struct vhdx_io io;
	struct bio bio;
};

/**
 * vhdx_target_writable() - test whether a device is to be written
 * @t: the device, with its options set
 *
 * Context: any.
 * Return: true if its table was loaded for writing, and no feature says else.
 */
static inline bool vhdx_target_writable(const struct vhdx_target *t)
{
	return (dm_table_get_mode(t->ti->table) & BLK_OPEN_WRITE) &&
	       !t->options.read_only;
}

/**
 * vhdx_target_pos() - where a bio begins on the virtual disk
 * @t: the device
 * @bio: dm's clone, not yet remapped
 *
 * Context: any.
 * Return: byte offset.
 */
static inline u64 vhdx_target_pos(const struct vhdx_target *t,
				  const struct bio *bio)
{
	return (u64)dm_target_offset(t->ti, bio->bi_iter.bi_sector)
		<< SECTOR_SHIFT;
}

/**
 * vhdx_io_enter() - enter the present epoch, if the device is writable
 * @t: the device
 * @io: I/O of a bio, in no epoch
 *
 * Context: any.
 */
static inline void vhdx_io_enter(struct vhdx_target *t, struct vhdx_io *io)
{
	if (t->committer)
		io->epoch = vhdx_epoch_enter(&t->committer->epochs);
}

#endif /* VHDX_DEVICE_H */
