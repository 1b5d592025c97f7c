/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct vhdx_io: the state of a bio on its way through a device.
 *
 *	->map:  bio -> vhdx_chain_map() -> zeros      answered at once
 *	                                -> block dev  remapped
 *	                                -> file       store/file-io.c
 *	                                -> not loaded provision.c, then as above
 *	     a write -> vhdx_write_map() likewise; if the block is absent:
 *	                                -> new block  in memory, then as above
 *	                                -> none left  commit.c, then as above
 *	                                -> shows the parent  likewise, and when it
 *	                                   has ended: wrote.c
 *	        to a file: the same, in the worker of store/file-queue.c
 *	     a flush -> commit.c, if there is something to commit
 *
 * io.h APIs:
 *   vhdx_io_go_on()		queue it to its worker
 *   vhdx_io_leave()		leave the epoch, when its I/O has ended
 */
#ifndef VHDX_IO_H
#define VHDX_IO_H

#include <linux/bio.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "epoch.h"
#include "store/file.h"

struct vhdx_target;

/**
 * struct vhdx_io_wait - how a bio that waits continues
 * @work: the work item
 * @workers: the workqueue for @work
 */
struct vhdx_io_wait {
	struct work_struct work;
	struct workqueue_struct *workers;
};

/**
 * struct vhdx_io - the state of a bio
 * @target: the device
 * @bio: dm's clone, or a part of it; advanced over what is done
 * @epoch: the epoch that the I/O is in, or NULL
 * @passes: a flush that asks for no commit: see vhdx_committer_hasten(); set for
 *	flushes only
 * @durable: the bio ends only when a commit has made its data durable
 * @absent: bytes whose bits are to be set before the bio ends, or 0
 * @pos: byte offset on the virtual disk of those
 * @wait: used while the bio waits for a page of metadata or for the committer
 * @file: used while a file is read or written
 * @ended: used while its bits are not yet set
 */
struct vhdx_io {
	struct vhdx_target *target;
	struct bio *bio;
	struct vhdx_epoch *epoch;
	bool passes;
	bool durable;
	u32 absent;
	u64 pos;
	union {
		struct vhdx_io_wait wait;
		struct vhdx_file_io file;
		struct llist_node ended;
	};
};

/**
 * vhdx_io_go_on() - queue a bio to its worker
 * @io: I/O of dm's clone, prepared by vhdx_provision_prepare()
 *
 * Context: any; does not sleep.
 */
static inline void vhdx_io_go_on(struct vhdx_io *io)
{
	queue_work(io->wait.workers, &io->wait.work);
}

/**
 * vhdx_io_leave() - leave the epoch that vhdx_io_enter() entered
 * @io: I/O of a bio; may be in no epoch
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
