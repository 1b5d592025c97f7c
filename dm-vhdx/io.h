/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bio on its way through a device.
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
 * io.h APIs:
 *   vhdx_io_go_on()		have its worker go on with it
 *   vhdx_io_leave()		when what followed from a lookup has ended
 */
#ifndef VHDX_IO_H
#define VHDX_IO_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "epoch.h"
#include "overlap.h"

struct vhdx_file;
struct vhdx_fill;
struct vhdx_target;

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
 * @workers: go on with a bio that has waited
 * @work: and what they do
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
	struct workqueue_struct *workers;
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

/**
 * vhdx_io_go_on() - have its worker go on with a bio
 * @io: of dm's clone, which was prepared for that
 *
 * Context: any; does not wait.
 */
static inline void vhdx_io_go_on(struct vhdx_io *io)
{
	queue_work(io->workers, &io->work);
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

#endif /* VHDX_IO_H */
