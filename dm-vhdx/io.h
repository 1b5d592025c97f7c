/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bio on its way through a device.
 *
 *	->map:  bio -> vhdx_chain_map() -> zeros      answered at once
 *	                                -> block dev  remapped
 *	                                -> file       store/file-io.c
 *	                                -> not known  provision.c, then as above
 *	     a write -> vhdx_write_map() likewise, but for what is not there:
 *	                                -> new block  in memory, then as above
 *	                                -> none left  commit.c, then as above
 *	        to a file: the same, in the worker of store/file-queue.c
 *	     a flush -> commit.c, if there is something to commit
 *
 * io.h APIs:
 *   vhdx_io_go_on()		have its worker go on with it
 *   vhdx_io_leave()		when what followed from a lookup has ended
 */
#ifndef VHDX_IO_H
#define VHDX_IO_H

#include <linux/bio.h>
#include <linux/workqueue.h>

#include "epoch.h"
#include "store/file.h"

struct vhdx_target;

/**
 * struct vhdx_io_wait - how a bio that waits goes on
 * @work: what there is to do
 * @workers: who does it
 */
struct vhdx_io_wait {
	struct work_struct work;
	struct workqueue_struct *workers;
};

/**
 * struct vhdx_io - a bio on its way
 * @target: the device
 * @bio: dm's clone, or a part of it; what was done already is taken off its
 *	front
 * @epoch: the one that it is in, NULL if none
 * @durable: it ends when what it wrote is durable
 * @wait: while it waits, for a page of metadata or for the committer
 * @file: while a file is read or written
 */
struct vhdx_io {
	struct vhdx_target *target;
	struct bio *bio;
	struct vhdx_epoch *epoch;
	bool durable;
	union {
		struct vhdx_io_wait wait;
		struct vhdx_file_io file;
	};
};

/**
 * vhdx_io_go_on() - have its worker go on with a bio
 * @io: of dm's clone, which was prepared for that
 *
 * Context: any; does not wait.
 */
static inline void vhdx_io_go_on(struct vhdx_io *io)
{
	queue_work(io->wait.workers, &io->wait.work);
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
