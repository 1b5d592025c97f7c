/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file store: an image in a regular file of any file system.
 *
 * ->map never calls a file system. The task that submits a bio may have little
 * stack left, may be inside a transaction of another file system, or may be in
 * memory reclaim. Workers issue the bios instead, see store/file-queue.c.
 *
 * file-open.c APIs:
 *   vhdx_file_open()		open a file
 *   vhdx_file_init()		make a store of an open file, not yet usable
 *   vhdx_file_start()		lock the file and make the store usable
 *   vhdx_file_inherit()		share the locks of another store of the file
 *   vhdx_file_mark()		forbid allocations that wait for I/O
 *   vhdx_file_unmark()		restore the allocation flags of the file
 *   vhdx_file_stop()		close
 *   vhdx_file_direct()		does the file support direct I/O?
 *   vhdx_file_set_sector()	set the size of the smallest I/O
 *   vhdx_file_wants_stable()	must pages not change during a write?
 * file-ops.c APIs:
 *   vhdx_file_ops		the store's operations: metadata, and space
 * file-time.c APIs:
 *   vhdx_file_time_init()
 *   vhdx_file_time_exit()
 *   vhdx_file_time_follow()	schedule an update of the file's time
 * file-lock.c APIs:
 *   vhdx_file_lock()		lock the file against other users
 *   vhdx_file_unlock()
 *   vhdx_file_lend()		let one program write the file that we read
 *   vhdx_file_recall()		keep all from writing it again
 *   vhdx_file_others_write()	do others have the file open for writing?
 * file-io.c APIs:
 *   vhdx_file_io_init()	prepare a store for bios
 *   vhdx_file_io_exit()
 *   vhdx_file_submit()		submit a read or a write
 *   vhdx_file_submit_later()	submit a bio whose place a worker looks up
 *   vhdx_file_submit_flush()	submit a flush
 *   vhdx_file_issue()		issue a batch of bios, in a worker
 * file-room.c APIs:
 *   vhdx_file_waits_for_room()	should a failed write wait for room?
 * file-queue.c APIs:
 *   vhdx_file_queue()		queue a bio to a worker
 *   vhdx_file_queue_again()	queue a bio that had to wait
 *   vhdx_file_queue_init()	create the lists of a store
 *   vhdx_file_queue_exit()
 * file.h APIs:
 *   vhdx_file_writable()	is the file open for writing?
 *   vhdx_file_in_batches()	do workers issue bios in batches?
 *   vhdx_file_aligned()	is a range aligned for direct I/O?
 *   vhdx_file_modified()	note that the file's contents change
 *   vhdx_file_assume()		act with the credentials of the opener
 *   vhdx_file_is_cut()		has somebody truncated the file?
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
#include "file-workers.h"
#include "overlap.h"

struct path;
struct vhdx_file_cpu;
struct vhdx_fill;
struct vhdx_fresh;
struct vhdx_patience;
struct vhdx_reason;

/**
 * struct vhdx_file - an image's bytes in a file
 * @store: the store, as the engine sees it
 * @filp: the file
 * @locker: the open file that has the locks: @filp, or that of an earlier store
 * @offset_align: alignment of offsets and lengths for direct I/O, in bytes; 0
 *	if the file does not support direct I/O
 * @mem_align: alignment of memory for direct I/O, in bytes
 * @nowait: the file supports IOCB_NOWAIT
 * @mixed: some writes are too small for direct I/O: see overlap.h
 * @locked: vhdx_file_lock() has succeeded, and the file is not lent
 * @marked: @gfp must be restored
 * @gfp: the mapping's own allocation flags
 * @overlap: orders direct and cached writes that overlap, if @mixed
 * @fresh: space not written to since the file grew; NULL if the file is not
 *	open for writing
 * @cpus: for each CPU, the bios that wait for a worker
 * @workers: the workqueues, shared with other files of the table that opened
 *	this one
 * @flushes: bios that wait for a flush which starts after they arrived
 * @flush: work item that flushes once for all of @flushes
 * @since: error sequence of the page cache when the store was started
 * @modified: @time is scheduled
 * @time: work item that updates the file's time of modification
 * @patience: how long a write waits for room; set before the first write
 */
struct vhdx_file {
	struct vhdx_store store;
	struct file *filp;
	struct file *locker;
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
	struct vhdx_file_workers *workers;
	struct llist_head flushes;
	struct work_struct flush;
	errseq_t since;
	bool modified;
	struct delayed_work time;
	const struct vhdx_patience *patience;
};

/**
 * struct vhdx_file_plug - bios that a task keeps until it unplugs
 * @cb: entry in the callback list of the task's plug
 * @newest: the newest of the bios; the oldest one contains this struct
 */
struct vhdx_file_plug {
	struct blk_plug_cb cb;
	struct llist_node *newest;
};

/**
 * struct vhdx_file_io - a bio that reads or writes a file
 * @bio: the bio; advanced over what is done
 * @work: work item of a bio that has to wait
 * @plug: used before @work, if the bio heads a plug, see store/file-queue.c
 * @node: entry in the list of a CPU, or of the bio that heads the plug
 * @file: the store
 * @locate: looks up @pos first, NULL if it is known: see
 *	vhdx_file_submit_later()
 * @fill: written in place of the bio, or NULL
 * @pos: byte offset in the file
 * @overlap: orders the write against others, if the file is mixed
 * @result: result of the I/O: bytes or a negative errno
 * @refs: references of the issuer and of the completion; either may drop the
 *	last
 * @direct: bypass the page cache
 * @apart: @overlap is in use
 * @lacking: the write has found no room
 * @begun: the write holds the file system's freeze protection
 * @pause: milliseconds to wait before the next attempt
 * @since: when @lacking was set, in jiffies
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

struct file *vhdx_file_open(const struct path *path, bool write,
			    struct vhdx_reason *reason);
void vhdx_file_init(struct vhdx_file *file, struct file *filp);
void vhdx_file_inherit(struct vhdx_file *file, const struct vhdx_file *before);
int vhdx_file_start(struct vhdx_file *file, struct vhdx_file_workers **shared,
		    struct vhdx_reason *reason);
void vhdx_file_mark(struct vhdx_file *file);
void vhdx_file_unmark(struct vhdx_file *file);
void vhdx_file_stop(struct vhdx_file *file);
bool vhdx_file_direct(const struct vhdx_file *file);
void vhdx_file_set_sector(struct vhdx_file *file, u32 sector);
bool vhdx_file_wants_stable(const struct vhdx_file *file);

/**
 * vhdx_file_writable() - is the file open for writing?
 * @file: the store
 *
 * Context: any.
 * Return: true if it is.
 */
static inline bool vhdx_file_writable(const struct vhdx_file *file)
{
	return file->filp->f_mode & FMODE_WRITE;
}

/**
 * vhdx_file_in_batches() - do workers issue bios in batches?
 * @file: the store, started
 * @direct: the I/O bypasses the page cache
 *
 * Context: any.
 * Return: true if they do; false if each bio needs a work item to wait in.
 */
static inline bool vhdx_file_in_batches(const struct vhdx_file *file,
					bool direct)
{
	return direct && file->nowait;
}

/**
 * vhdx_file_aligned() - is a range aligned for direct I/O?
 * @file: the store, for which vhdx_file_direct() is true
 * @pos: byte offset in the file
 * @len: bytes
 *
 * Context: any.
 * Return: true if the file supports direct I/O of exactly this range.
 */
static inline bool vhdx_file_aligned(const struct vhdx_file *file, u64 pos,
				     u64 len)
{
	return !((pos | len) & (file->offset_align - 1));
}

/**
 * vhdx_file_is_cut() - has somebody truncated the file?
 * @file: the store, started
 *
 * Like vhdx_store_is_cut(), but inline, since each write calls this.
 *
 * Context: any.
 * Return: true if bytes are missing.
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
 * vhdx_file_modified() - note that the file's contents change
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
 * vhdx_file_assume() - act with the credentials of the opener
 * @file: the store, which outlives the override
 *
 * A file system may check each operation, not only the opening. A kernel thread
 * is root without a ticket or key. A server may refuse it what the opener may
 * do, and a local file system may give it space reserved for root.
 *
 * Context: a worker, or any task that uses the store.
 * Return: the value for revert_creds(), in the same task.
 */
static inline const struct cred *vhdx_file_assume(const struct vhdx_file *file)
{
	return override_creds(file->filp->f_cred);
}

int vhdx_file_lock(struct file *filp, struct vhdx_reason *reason);
void vhdx_file_unlock(struct file *filp);
int vhdx_file_lend(struct vhdx_file *file);
int vhdx_file_recall(struct vhdx_file *file);
bool vhdx_file_others_write(const struct vhdx_file *file,
			    const struct vhdx_file *before);

int vhdx_file_io_init(struct vhdx_file *file,
		      struct vhdx_file_workers **shared);
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
