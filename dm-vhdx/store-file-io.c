// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store's data path: filling bios from a file.
 *
 * A bio is put on a list of its CPU, whose worker takes all that is there and
 * issues each as an asynchronous direct read that must not wait, under one
 * plug. Most reads go that way, at one wake-up for many. The few that would
 * wait get a work item each, so that none holds up another.
 *
 * The file is read straight into the bio's pages. What a read leaves undone
 * stays in the bio, which is advanced over what was read.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "store-file.h"
#include "target.h"

/*
 * Bios that a task keeps until it unplugs: an I/O of many pieces, or a system
 * call with many I/Os, then wakes the worker once.
 */
struct vhdx_file_plug {
	struct blk_plug_cb cb;
	struct llist_node *newest;
	struct llist_node *oldest;
};

/* Bios that wait for the worker of one CPU. */
struct vhdx_file_cpu {
	struct llist_head pending;
	struct work_struct work;
};

static void wait_work(struct work_struct *work);

/* Context: any, for reads complete in interrupts too. */
static void queue_waiting(struct vhdx_io *io, bool pause)
{
	io->pause = pause;
	INIT_WORK(&io->work, wait_work);
	queue_work(io->file->waiters, &io->work);
}

/* The end of the file: what is not there reads as zeros. */
static void end_zeroed(struct bio *bio)
{
	zero_fill_bio(bio);
	bio_endio(bio);
}

static void read_some(struct vhdx_io *io, long got)
{
	struct bio *bio = io->bio;

	bio_advance(bio, got);
	io->pos += got;
	if (!bio->bi_iter.bi_size)
		bio_endio(bio);
	else if (io->pos >= i_size_read(file_inode(io->file->filp)))
		end_zeroed(bio);
	else if (got)
		queue_waiting(io, false);
	else
		bio_io_error(bio);
}

static void read_failed(struct vhdx_io *io, int err)
{
	bool nowait = io->iocb.ki_flags & IOCB_NOWAIT;

	switch (err) {
	case -EAGAIN:
		queue_waiting(io, !nowait);
		return;
	case -ENOMEM:
		queue_waiting(io, true);
		return;
	case -EOPNOTSUPP:
		/* The file system can read without waiting, its device not. */
		if (nowait) {
			queue_waiting(io, false);
			return;
		}
		break;
	case -EINVAL:
		/* Memory that is aligned too badly for direct I/O here. */
		if (io->direct) {
			io->direct = false;
			queue_waiting(io, false);
			return;
		}
		break;
	}
	io->bio->bi_status = errno_to_blk_status(err);
	bio_endio(io->bio);
}

/*
 * A file system may use the kiocb after the read has completed: ext4 does. So
 * both the issuer and the completion hold it, and whoever is last goes on.
 */
static void read_put(struct vhdx_io *io)
{
	if (!atomic_dec_and_test(&io->refs))
		return;
	if (io->result >= 0)
		read_some(io, io->result);
	else
		read_failed(io, io->result);
}

static void read_complete(struct kiocb *iocb, long result)
{
	struct vhdx_io *io = container_of(iocb, struct vhdx_io, iocb);

	io->result = result;
	read_put(io);
}

/* A clone has no vector of its own, so that bi_vcnt does not tell. */
static unsigned int count_segments(struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bvec;
	unsigned int count = 0;

	bio_for_each_bvec(bvec, bio, iter)
		count++;
	return count;
}

static void read_issue(struct vhdx_io *io, int flags)
{
	struct bio *bio = io->bio;
	struct file *filp = io->file->filp;
	struct iov_iter iter;
	ssize_t ret;

	iov_iter_bvec(&iter, ITER_DEST,
		      __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter),
		      count_segments(bio), bio->bi_iter.bi_size);
	iter.iov_offset = bio->bi_iter.bi_bvec_done;
	io->iocb = (struct kiocb){
		.ki_filp = filp,
		.ki_pos = io->pos,
		.ki_flags = flags | (io->direct ? IOCB_DIRECT : 0),
		.ki_ioprio = bio_prio(bio),
		/* A buffered read is a synchronous one. */
		.ki_complete = io->direct ? read_complete : NULL,
	};
	atomic_set(&io->refs, 2);
	ret = filp->f_op->read_iter(&io->iocb, &iter);
	if (ret != -EIOCBQUEUED)
		read_complete(&io->iocb, ret);
	read_put(io);
}

static void wait_work(struct work_struct *work)
{
	struct vhdx_io *io = container_of(work, struct vhdx_io, work);
	unsigned int noio = memalloc_noio_save();

	if (io->pause)
		msleep(VHDX_RETRY_MS);
	read_issue(io, 0);
	memalloc_noio_restore(noio);
}

static void submit_work(struct work_struct *work)
{
	struct vhdx_file_cpu *cpu =
		container_of(work, struct vhdx_file_cpu, work);
	struct llist_node *batch = llist_del_all(&cpu->pending);
	unsigned int noio = memalloc_noio_save();
	struct vhdx_io *io, *next;
	struct blk_plug plug;

	blk_start_plug(&plug);
	llist_for_each_entry_safe(io, next, llist_reverse_order(batch), node)
		read_issue(io, IOCB_NOWAIT);
	blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
}

static void hand_over(struct vhdx_file *file, struct llist_node *newest,
		      struct llist_node *oldest)
{
	/* To move to another CPU meanwhile would be harmless. */
	struct vhdx_file_cpu *cpu = raw_cpu_ptr(file->cpus);

	if (llist_add_batch(newest, oldest, &cpu->pending))
		queue_work(file->submitters, &cpu->work);
}

/*
 * In ->map dm keeps the table; here nothing does, once a worker that is running
 * anyway can take and complete the bios. vhdx_file_io_exit() waits for this.
 */
static void file_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct vhdx_file_plug *plug =
		container_of(cb, struct vhdx_file_plug, cb);

	rcu_read_lock();
	hand_over(cb->data, plug->newest, plug->oldest);
	rcu_read_unlock();
	kfree(plug);
}

/* Returns whether the task has a plug that took the bio. */
static bool hold_back(struct vhdx_file *file, struct vhdx_io *io)
{
	struct vhdx_file_plug *plug;
	struct blk_plug_cb *cb;

	cb = blk_check_plugged(file_unplug, file, sizeof(*plug));
	if (!cb)
		return false;
	plug = container_of(cb, struct vhdx_file_plug, cb);
	io->node.next = plug->newest;
	plug->newest = &io->node;
	if (!plug->oldest)
		plug->oldest = &io->node;
	return true;
}

/**
 * vhdx_file_submit() - fill a bio from the file
 * @file: the store
 * @io: made for a bio; its @bio is completed when it is filled
 * @pos: byte offset in the file
 * @direct: bypass the page cache, see vhdx_file_direct()
 *
 * Context: any process context; does not wait, and does not call the file
 * system.
 */
void vhdx_file_submit(struct vhdx_file *file, struct vhdx_io *io, u64 pos,
		      bool direct)
{
	io->file = file;
	io->pos = pos;
	io->direct = direct;
	if (!direct || !file->nowait) {
		queue_waiting(io, false);
		return;
	}
	if (!hold_back(file, io))
		hand_over(file, &io->node, &io->node);
}

/**
 * vhdx_file_io_init() - make workers for a store
 * @file: the store; to be undone by vhdx_file_io_exit(), also after a failure
 *
 * Each store has its own: images may lie in file systems on devices that are
 * made from images, and the workers of one must not wait behind the other's.
 *
 * The submitting worker has no priority over who fills its list: one that
 * preempts that task finds one bio each time, and 4 KiB reads at a depth of 32
 * then cost a sixth more instructions.
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_file_io_init(struct vhdx_file *file)
{
	int cpu;

	file->cpus = alloc_percpu(struct vhdx_file_cpu);
	if (!file->cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct vhdx_file_cpu *self = per_cpu_ptr(file->cpus, cpu);

		init_llist_head(&self->pending);
		INIT_WORK(&self->work, submit_work);
	}
	file->submitters = alloc_workqueue("vhdx_submit", WQ_MEM_RECLAIM, 0);
	file->waiters = alloc_workqueue("vhdx_read",
					WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return file->submitters && file->waiters ? 0 : -ENOMEM;
}

/**
 * vhdx_file_io_exit() - dismiss the workers
 * @file: the store, with no bio under way; workers may still be on their way
 *	out
 */
void vhdx_file_io_exit(struct vhdx_file *file)
{
	/* For file_unplug(). */
	synchronize_rcu();
	if (file->submitters)
		destroy_workqueue(file->submitters);
	if (file->waiters)
		destroy_workqueue(file->waiters);
	free_percpu(file->cpus);
}
