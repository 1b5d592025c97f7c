/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file store: an image in a regular file of any file system.
 *
 * File systems are never called from ->map: whoever submitted the bio may be
 * deep in a stack of its own, inside a transaction of another file system, or
 * in memory reclaim. Bios go to workers instead, see store/file-queue.c.
 *
 * file-open.c APIs:
 *   vhdx_file_open()		a path -> an open file, nothing else
 *   vhdx_file_init()		an open file -> a store that is not yet usable
 *   vhdx_file_start()		lock the file and make the store usable
 *   vhdx_file_unmark()		undo what others could see of our use
 *   vhdx_file_stop()		close
 *   vhdx_file_direct()		can the page cache be bypassed?
 *   vhdx_file_set_sector()	tell how small I/O may be
 *   vhdx_file_wants_stable()	must what is being written stay as it is?
 * file-ops.c APIs:
 *   vhdx_file_ops		the store's operations: metadata, and space
 * file-time.c APIs:
 *   vhdx_file_time_init()
 *   vhdx_file_time_exit()
 *   vhdx_file_time_follow()	have the time updated, if nobody else does
 * file-lock.c APIs:
 *   vhdx_file_lock()		keep others out
 *   vhdx_file_unlock()		let them in again
 * file-io.c APIs:
 *   vhdx_file_io_init()	workers for a store
 *   vhdx_file_io_exit()
 *   vhdx_file_submit()		fill a bio from the file, or the file from it
 *   vhdx_file_submit_later()	the same, where a worker is to find the place
 *   vhdx_file_submit_flush()	make durable what was written
 *   vhdx_file_issue()		for the worker: what has come together
 * file-room.c APIs:
 *   vhdx_file_waits_for_room()	is a write to be tried again when there is room?
 * file-queue.c APIs:
 *   vhdx_file_queue()		have a bio issued by a worker
 *   vhdx_file_queue_again()	the same for a bio that had to wait
 *   vhdx_file_queue_init()	workers that do
 *   vhdx_file_queue_exit()
 * file.h APIs:
 *   vhdx_file_writable()	was the file opened for writing?
 *   vhdx_file_in_batches()	are bios issued many at a time?
 *   vhdx_file_aligned()	can this be direct I/O?
 *   vhdx_file_modified()	what is in the file changes
 *   vhdx_file_assume()		act as the opener of the file
 *   vhdx_file_is_cut()		has somebody made the file shorter?
 */
#ifndef VHDX_STORE_FILE_H
#define VHDX_STORE_FILE_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/errseq.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/llist.h>
#include <linux/percpu-defs.h>
#include <linux/workqueue.h>

#include "../engine/store.h"
#include "overlap.h"

struct vhdx_file_cpu;
struct vhdx_fill;
struct vhdx_fresh;
struct vhdx_patience;
struct vhdx_reason;

/**
 * struct vhdx_file - an image's bytes in a file
 * @store: for the engine
 * @filp: the file
 * @offset_align: what direct I/O asks of offsets and lengths, in bytes; 0 if
 *	the file has no direct I/O
 * @mem_align: what it asks of memory
 * @nowait: reads and writes can be asked not to wait
 * @mixed: some writes are too small for direct I/O: see overlap.h
 * @locked: vhdx_file_lock() was done
 * @marked: @gfp is to be restored
 * @gfp: the mapping's own allocation flags
 * @overlap: writes that have to be kept apart, if @mixed
 * @fresh: space that was not written to since the file grew; NULL if the file
 *	is not written
 * @cpus: each CPU's bios that wait for a worker
 * @near: issues bios on the CPU that they came from, and does not wait
 * @far: the same on any CPU
 * @readers: one work item for each read that has to wait, and one for flushes
 * @writers: one for each write that has to wait
 * @flushes: bios that want a flush which starts after they came
 * @flush: does it, once for all that are there
 * @since: what the page cache had told of losses when the store was started
 * @lost: what a flush failed with: none can succeed any more
 * @modified: @time is on its way
 * @time: updates the file's time of modification
 * @patience: how long a write waits for room; set before the first write
 */
struct vhdx_file {
	struct vhdx_store store;
	struct file *filp;
	u32 offset_align;
	u32 mem_align;
	bool nowait;
	bool mixed;
	bool locked;
	bool marked;
	gfp_t gfp;
	struct vhdx_overlap overlap;
	struct vhdx_fresh *fresh;
	struct vhdx_file_cpu __percpu *cpus;
	struct workqueue_struct *near;
	struct workqueue_struct *far;
	struct workqueue_struct *readers;
	struct workqueue_struct *writers;
	struct llist_head flushes;
	struct work_struct flush;
	errseq_t since;
	int lost;
	bool modified;
	struct delayed_work time;
	const struct vhdx_patience *patience;
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
 * struct vhdx_file_io - a bio that a file serves
 * @bio: what is filled or written; what was done is taken off its front
 * @work: to be queued for a worker
 * @plug: before that, if the bio keeps others, see store/file-queue.c
 * @node: in the list of a CPU, or of the bio that keeps it
 * @file: the store
 * @locate: finds @pos first, NULL if it is known: see vhdx_file_submit_later()
 * @fill: is written in place of the bio, NULL if the bio is
 * @pos: byte offset in the file
 * @overlap: keeps it apart from others, if the file is mixed
 * @result: of the I/O: bytes or negative errno
 * @refs: one for the issuer and one for the completion: either may be last
 * @direct: bypass the page cache
 * @apart: @overlap is in use
 * @lacking: it has found no room
 * @begun: the file system knows of the write
 * @pause: milliseconds to wait before trying again
 * @since: in jiffies, when it first found none
 * @iocb: the I/O
 */
struct vhdx_file_io {
	struct bio *bio;
	union {
		struct work_struct work;
		struct vhdx_file_plug plug;
	};
	struct llist_node node;
	struct vhdx_file *file;
	bool (*locate)(struct vhdx_file_io *io);
	struct vhdx_fill *fill;
	u64 pos;
	struct vhdx_overlap_write overlap;
	long result;
	atomic_t refs;
	bool direct;
	bool apart;
	bool lacking;
	bool begun;
	unsigned int pause;
	unsigned long since;
	struct kiocb iocb;
};

extern const struct vhdx_store_ops vhdx_file_ops;

struct file *vhdx_file_open(const char *path, bool write,
			    struct vhdx_reason *reason);
void vhdx_file_init(struct vhdx_file *file, struct file *filp);
int vhdx_file_start(struct vhdx_file *file, struct vhdx_reason *reason);
void vhdx_file_unmark(struct vhdx_file *file);
void vhdx_file_stop(struct vhdx_file *file);
bool vhdx_file_direct(const struct vhdx_file *file);
void vhdx_file_set_sector(struct vhdx_file *file, u32 sector);
bool vhdx_file_wants_stable(const struct vhdx_file *file);

/**
 * vhdx_file_writable() - was the file opened for writing?
 * @file: the store
 *
 * Return: whether it was.
 */
static inline bool vhdx_file_writable(const struct vhdx_file *file)
{
	return file->filp->f_mode & FMODE_WRITE;
}

/**
 * vhdx_file_in_batches() - are bios issued many at a time?
 * @file: the store, started
 * @direct: bypass the page cache
 *
 * Return: false if each has to wait on its own.
 */
static inline bool vhdx_file_in_batches(const struct vhdx_file *file,
					bool direct)
{
	return direct && file->nowait;
}

/**
 * vhdx_file_aligned() - can this be direct I/O?
 * @file: the store, for which vhdx_file_direct() is true
 * @pos: byte offset in the file
 * @len: bytes
 *
 * Return: true if the file takes direct I/O of just this range.
 */
static inline bool vhdx_file_aligned(const struct vhdx_file *file, u64 pos,
				     u64 len)
{
	return !((pos | len) & (file->offset_align - 1));
}

/**
 * vhdx_file_is_cut() - has somebody made the file shorter?
 * @file: the store, started
 *
 * As vhdx_store_is_cut(), for each write, without a call.
 *
 * Context: any.
 * Return: whether bytes are missing.
 */
static inline bool vhdx_file_is_cut(const struct vhdx_file *file)
{
	/* See vhdx_store_is_cut(). */
	u64 size = smp_load_acquire(&file->store.size);
	u64 length = i_size_read(file_inode(file->filp));

	if (likely(length >= size))
		return false;
	/* See vhdx_store_is_cut(). */
	smp_rmb();
	return size == READ_ONCE(file->store.size);
}

void vhdx_file_time_init(struct vhdx_file *file);
void vhdx_file_time_exit(struct vhdx_file *file);
void vhdx_file_time_follow(struct vhdx_file *file);

/**
 * vhdx_file_modified() - what is in the file changes
 * @file: the store, started, open for writing
 *
 * Context: any.
 */
static inline void vhdx_file_modified(struct vhdx_file *file)
{
	if (unlikely(!READ_ONCE(file->modified)))
		vhdx_file_time_follow(file);
}

/**
 * vhdx_file_assume() - act as the opener of the file
 * @file: the store, which outlives this
 *
 * A file system may check each operation, not only the opening.  A kernel
 * thread is root without a ticket or key: a server may refuse to it what it
 * grants to the opener, and a local file system may give it space that is
 * reserved.
 *
 * Context: a worker, or whoever uses the store.
 * Return: for revert_creds(), by the same task.
 */
static inline const struct cred *vhdx_file_assume(const struct vhdx_file *file)
{
	return override_creds(file->filp->f_cred);
}

int vhdx_file_lock(struct file *filp, struct vhdx_reason *reason);
void vhdx_file_unlock(struct file *filp);

int vhdx_file_io_init(struct vhdx_file *file);
void vhdx_file_io_exit(struct vhdx_file *file);
void vhdx_file_submit(struct vhdx_file *file, struct vhdx_file_io *io,
		      struct bio *bio, u64 pos, bool direct);
void vhdx_file_submit_later(struct vhdx_file *file, struct vhdx_file_io *io,
			    struct bio *bio,
			    bool (*locate)(struct vhdx_file_io *io));
void vhdx_file_submit_flush(struct vhdx_file *file, struct vhdx_file_io *io,
			    struct bio *bio);
void vhdx_file_issue(struct llist_node *batch);

bool vhdx_file_waits_for_room(struct vhdx_file_io *io);

int vhdx_file_queue_init(struct vhdx_file *file);
void vhdx_file_queue_exit(struct vhdx_file *file);
void vhdx_file_queue(struct vhdx_file *file, struct vhdx_file_io *io);
void vhdx_file_queue_again(struct vhdx_file *file, struct vhdx_file_io *io);

#endif /* VHDX_STORE_FILE_H */
