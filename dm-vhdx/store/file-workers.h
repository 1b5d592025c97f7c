/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file store: the workqueues that the files of a table share.
 *
 * A workqueue with WQ_MEM_RECLAIM has a thread of its own, so a chain of 256
 * images with four for each would have a thousand. The files that a table opens
 * share them: none of these files lies on a device that is made of another one.
 * Files of other tables may, and the work of one must not wait behind that of the
 * other.
 *
 * file-workers.c APIs:
 *   vhdx_file_workers_get()	hold a table's workqueues; the first call makes them
 *   vhdx_file_workers_put()	let go of them; the last call destroys them
 */
#ifndef VHDX_STORE_FILE_WORKERS_H
#define VHDX_STORE_FILE_WORKERS_H

#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/**
 * struct vhdx_file_workers - the workqueues of the files that a table opened
 * @users: files that use them, and the constructor of the table
 * @near: issues bios on the CPU of their submitter, without waiting
 * @far: issues bios on any CPU, without waiting
 * @readers: for reads that have to wait, an item each
 * @writers: for writes that have to wait, an item each; NULL if no file is open
 *	for writing
 * @flushers: for flushes; NULL likewise. A flush waits neither behind reads of a
 *	parent, whose server may not answer, nor behind writes, which a frozen
 *	file system blocks.
 */
struct vhdx_file_workers {
	refcount_t users;
	struct workqueue_struct *near;
	struct workqueue_struct *far;
	struct workqueue_struct *readers;
	struct workqueue_struct *writers;
	struct workqueue_struct *flushers;
};

struct vhdx_file_workers *
vhdx_file_workers_get(struct vhdx_file_workers **shared, bool write);
void vhdx_file_workers_put(struct vhdx_file_workers *workers);

#endif /* VHDX_STORE_FILE_WORKERS_H */
