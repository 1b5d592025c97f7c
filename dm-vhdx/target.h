/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's own objects: a device made of images, and a bio on its way
 * through it.
 *
 *	->map:  bio -> vhdx_chain_map() -> zeros      answered at once
 *	                                -> block dev  remapped
 *	                                -> file       store-file-io.c
 *	                                -> not known  provision.c, then as above
 *	     a write -> vhdx_write_map() likewise, but for what is not there:
 *	                                -> new block  in memory, then as above
 *	                                -> none left  commit.c, then as above
 *	        to a file: the same, in the worker of store-file-queue.c
 *	     a flush -> commit.c, if there is something to commit
 *
 * target.h APIs:
 *   vhdx_target_pos()		where on the virtual disk a bio begins
 *   vhdx_io_enter()		before a lookup, if the device is written to
 *   vhdx_io_leave()		when what followed from it has ended
 */
#ifndef VHDX_TARGET_H
#define VHDX_TARGET_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "commit.h"
#include "engine/chain.h"
#include "layer.h"
#include "overlap.h"
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

/**
 * struct vhdx_file_plug - bios that a task keeps until it unplugs
 * @cb: among those of the task's plug
 * @newest: of the bios; the oldest is the one whose this is
 */
struct vhdx_file_plug {
	struct blk_plug_cb cb;
	struct llist_node *newest;
};

/**
 * struct vhdx_io - a bio on its way
 * @target: whose
 * @bio: dm's clone, or a part of it; what was done already is taken off its
 *	front
 * @epoch: that it is in, NULL if none
 * @durable: it ends when what it wrote is durable
 * @work: to be queued for a worker
 * @plug: before that, if the bio keeps others, see store-file-queue.c
 * @node: in the list of a CPU, or of the bio that keeps it
 * @file: that is read or written; this and what follows serves the file store
 *	only
 * @locate: finds @pos first, NULL if it is known: see vhdx_file_submit_later()
 * @fill: is written in place of the bio, NULL if the bio is
 * @pos: byte offset there
 * @overlap: keeps it apart from others, if the file is mixed
 * @result: of the I/O: bytes or negative errno
 * @refs: one for the issuer and one for the completion: either may be last
 * @direct: bypass the page cache
 * @apart: @overlap is in use
 * @lacking: it has found no room
 * @pause: milliseconds to wait before trying again
 * @since: in jiffies, when it first found none
 * @begun: the file system knows of the write
 * @iocb: the I/O
 */
struct vhdx_io {
	struct vhdx_target *target;
	struct bio *bio;
	struct vhdx_epoch *epoch;
	bool durable;
	union {
		struct work_struct work;
		struct vhdx_file_plug plug;
	};
	struct llist_node node;
	struct vhdx_file *file;
	bool (*locate)(struct vhdx_io *io);
	struct vhdx_fill *fill;
	u64 pos;
	struct vhdx_overlap_write overlap;
	long result;
	atomic_t refs;
	bool direct;
	bool apart;
	bool lacking;
	unsigned int pause;
	unsigned long since;
	bool begun;
	struct kiocb iocb;
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

/**
 * vhdx_io_leave() - leave the epoch that vhdx_io_enter() entered
 * @io: of a bio; it may be in none
 *
 * Context: any, interrupts too.
 */
static inline void vhdx_io_leave(struct vhdx_io *io)
{
	if (io->epoch)
		vhdx_epoch_leave(io->epoch);
	io->epoch = NULL;
}

#endif /* VHDX_TARGET_H */
