// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store's data path: filling bios from a file, and the file from them.
 *
 * A worker issues many bios at a time, see store/file-queue.c, each as
 * asynchronous direct I/O that must not wait, under one plug. Most go that way.
 * The few that would wait get a work item each, so that none holds up another.
 *
 * The bio's own pages are read into and written from. What an I/O leaves undone
 * stays in the bio, which is advanced over what was done.
 *
 * Writes stay inside the file: the engine has made it long enough before. If
 * somebody has cut it since, nothing is written any more, or a write would make it
 * longer again; one that was faster than the cut fails all the same.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "../charge.h"
#include "fresh.h"
#include "../scope.h"
#include "file.h"
#include "status.h"

/*
 * Reads, and writes, of a store that wait at the same time: each has a thread,
 * and a burst of writes to new blocks would have hundreds.
 */
#define WAITERS_MAX	64

static void wait_work(struct work_struct *work);

static bool is_write(const struct vhdx_file_io *io)
{
	return op_is_write(bio_op(io->bio));
}

static void write_end(struct vhdx_file_io *io)
{
	if (io->begun)
		kiocb_end_write(&io->iocb);
	io->begun = false;
}

/*
 * Whoever waits in the queue must not keep the file system from being frozen:
 * those before it may wait until that is over.
 *
 * Context: any, for I/O completes in interrupts too.
 */
static void queue_waiting(struct vhdx_file_io *io, unsigned int pause)
{
	write_end(io);
	io->pause = pause;
	INIT_WORK(&io->work, wait_work);
	queue_work(is_write(io) ? io->file->writers : io->file->readers,
		   &io->work);
}

/*
 * A frozen file system lets no write begin. Each attempt says that it begins, and
 * that it has ended.
 *
 * Returns whether it may.
 */
static bool write_begin(struct vhdx_file_io *io, bool nowait)
{
	if (!is_write(io))
		return true;
	if (nowait) {
		if (!file_start_write_trylock(io->file->filp))
			return false;
		/* It may end in another context. */
		__sb_writers_release(file_inode(io->file->filp)->i_sb,
				     SB_FREEZE_WRITE);
	} else {
		kiocb_start_write(&io->iocb);
	}
	io->begun = true;
	return true;
}

static void queue_again(struct vhdx_file_io *io)
{
	if (vhdx_file_in_batches(io->file, io->direct))
		vhdx_file_queue_again(io->file, io);
	else
		queue_waiting(io, 0);
}

static bool is_apart(struct vhdx_file_io *io)
{
	return vhdx_overlap_again(&io->file->overlap, &io->overlap, &io->node);
}

/* It does not meet others any more. */
static void leave_others(struct vhdx_file_io *io)
{
	struct vhdx_file_io *other, *next;
	struct llist_node *waiting;

	waiting = vhdx_overlap_leave(&io->file->overlap, &io->overlap);
	io->apart = false;
	waiting = llist_reverse_order(waiting);
	llist_for_each_entry_safe(other, next, waiting, node)
		if (is_apart(other))
			queue_again(other);
}

static void io_end(struct vhdx_file_io *io)
{
	write_end(io);
	if (unlikely(io->apart))
		leave_others(io);
	bio_endio(io->bio);
}

static loff_t io_pos(const struct vhdx_file_io *io)
{
	if (unlikely(io->fill))
		return (loff_t)io->fill->grain << VHDX_GRAIN_SHIFT;
	return io->pos;
}

static void io_some(struct vhdx_file_io *io, long got)
{
	struct bio *bio = io->bio;

	bio_advance(bio, got);
	io->pos += got;
	if (!bio->bi_iter.bi_size) {
		io_end(io);
	} else if (got) {
		queue_waiting(io, 0);
	} else {
		/* A read that begins at the end: the file was cut. */
		bio->bi_status = BLK_STS_IOERR;
		io_end(io);
	}
}

/*
 * Returns whether it was only asked at the wrong time, or in a way that the file
 * system knows and its device does not.
 */
static bool may_be_had(const struct vhdx_file_io *io)
{
	return io->result == -EAGAIN || io->result == -ENOMEM ||
	       (io->result == -EOPNOTSUPP && io->iocb.ki_flags & IOCB_NOWAIT);
}

/*
 * A page that the page cache brings in may be a direct write's that is under way:
 * see overlap.h.  With @fill the range is that of a whole grain.
 *
 * Returns false if the bio is handed over later.
 */
static bool keep_apart(struct vhdx_file_io *io)
{
	u64 len = io->fill ? VHDX_GRAIN : io->bio->bi_iter.bi_size;

	if (likely(!io->file->mixed) || !is_write(io))
		return true;
	io->apart = true;
	io->overlap.cached = !io->direct;
	return vhdx_overlap_enter(&io->file->overlap, &io->overlap, io_pos(io),
				  len, &io->node);
}

/* The file system refuses direct I/O of this memory. */
static void through_cache(struct vhdx_file_io *io)
{
	write_end(io);
	io->direct = false;
	if (unlikely(io->apart)) {
		leave_others(io);
		if (!keep_apart(io))
			return;
	}
	queue_waiting(io, 0);
}

static void io_failed(struct vhdx_file_io *io)
{
	if (may_be_had(io)) {
		bool pause = io->result == -ENOMEM ||
			     !(io->iocb.ki_flags & IOCB_NOWAIT);

		queue_waiting(io, pause ? VHDX_RETRY_MS : 0);
	} else if (io->result == -EINVAL && io->direct) {
		through_cache(io);
	} else if (vhdx_file_waits_for_room(io)) {
		queue_waiting(io, VHDX_ROOM_RETRY_MS);
	} else {
		io->bio->bi_status = vhdx_blk_status(io->result);
		io_end(io);
	}
}

/*
 * A file system may use the kiocb after the I/O has completed: ext4 does. So
 * both the issuer and the completion hold it, and whoever is last goes on.
 *
 * Returns whether this was the last, and io_done() is to be called.
 */
static bool io_put(struct vhdx_file_io *io)
{
	return atomic_dec_and_test(&io->refs);
}

/*
 * Returns false if the bio waits for a write that fills the grain.
 */
static bool meets_no_fill(struct vhdx_file_io *io)
{
	struct vhdx_fresh *fresh = io->file->fresh;

	io->fill = NULL;
	if (!is_write(io) ||
	    likely(!vhdx_fresh_meets(fresh, io->pos, io->bio->bi_iter.bi_size)))
		return true;
	return vhdx_fresh_claim(fresh, io->pos, io->bio, &io->node,
				io->direct ? &io->fill : NULL) !=
	       VHDX_FRESH_WAIT;
}

/*
 * Returns whether a bio may be issued now; otherwise it is handed over when what
 * it has to wait for is done.  In this order: a write that keeps others apart
 * waits for no fill, and so each of them ends.
 */
static bool may_go_on(struct vhdx_file_io *io)
{
	return meets_no_fill(io) && keep_apart(io);
}

static void let_go_on(struct llist_node *waiting)
{
	struct vhdx_file_io *io, *next;

	waiting = llist_reverse_order(waiting);
	llist_for_each_entry_safe(io, next, waiting, node)
		if (may_go_on(io))
			queue_again(io);
}

/*
 * A flush that fails tells so once, see vhdx_committer_flush_failed(): a second
 * attempt would hide it.
 */
static bool may_be_flush(const struct vhdx_file_io *io)
{
	return io->result < 0 && io->bio->bi_opf & REQ_FUA &&
	       !vhdx_store_no_room(io->result);
}

/*
 * Zeros were written with the bio, or could not be: then it is tried again alone,
 * for there may be room for that much, or nothing wrong with the disk there.
 *
 * Returns whether the result is the bio's.
 */
static bool fill_done(struct vhdx_file_io *io)
{
	bool whole = io->result == VHDX_GRAIN;
	bool alone = !whole && !may_be_flush(io);

	let_go_on(vhdx_fresh_done(io->file->fresh, io->fill));
	io->fill = NULL;
	if (whole)
		io->result = io->bio->bi_iter.bi_size;
	if (alone)
		queue_waiting(io, 0);
	return !alone;
}

static void io_done(struct vhdx_file_io *io)
{
	if (is_write(io) && unlikely(vhdx_file_is_cut(io->file)))
		io->result = -EIO;
	if (unlikely(io->fill) && !may_be_had(io) && !fill_done(io))
		return;
	if (io->result >= 0)
		io_some(io, io->result);
	else
		io_failed(io);
}

static void io_complete(struct kiocb *iocb, long result)
{
	struct vhdx_file_io *io = container_of(iocb, struct vhdx_file_io, iocb);

	io->result = result;
	if (io_put(io))
		io_done(io);
}

/* A clone has no vector of its own, so that bi_vcnt does not tell. */
static unsigned int count_segments(struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;
	struct bio_vec bvec;
	unsigned int count = 0;

	if (likely(mp_bvec_iter_len(bio->bi_io_vec, iter) == iter.bi_size))
		return 1;
	bio_for_each_bvec(bvec, bio, iter)
		count++;
	return count;
}

static int io_flags(const struct vhdx_file_io *io)
{
	int flags = io->direct ? IOCB_DIRECT : 0;

	if (is_write(io))
		flags |= IOCB_WRITE;
	if (io->bio->bi_opf & REQ_FUA)
		flags |= IOCB_DSYNC;
	return flags;
}

static ssize_t io_call(struct vhdx_file_io *io)
{
	const struct file_operations *fop = io->file->filp->f_op;
	struct bio *bio = io->bio;
	struct iov_iter iter;

	if (unlikely(io->fill)) {
		iov_iter_bvec(&iter, ITER_SOURCE, io->fill->vec,
			      io->fill->count, VHDX_GRAIN);
	} else {
		iov_iter_bvec(&iter, is_write(io) ? ITER_SOURCE : ITER_DEST,
			      __bvec_iter_bvec(bio->bi_io_vec, bio->bi_iter),
			      count_segments(bio), bio->bi_iter.bi_size);
		iter.iov_offset = bio->bi_iter.bi_bvec_done;
	}
	if (!is_write(io))
		return fop->read_iter(&io->iocb, &iter);
	vhdx_file_modified(io->file);
	return fop->write_iter(&io->iocb, &iter);
}

/* Returns whether it has completed, and io_done() is to be called. */
static bool io_issue(struct vhdx_file_io *io, int flags)
{
	ssize_t ret = -EAGAIN;

	io->iocb = (struct kiocb){
		.ki_filp = io->file->filp,
		.ki_pos = io_pos(io),
		.ki_flags = flags | io_flags(io),
		.ki_ioprio = io->bio->bi_ioprio,
		/* Buffered I/O is synchronous. */
		.ki_complete = io->direct ? io_complete : NULL,
	};
	atomic_set(&io->refs, 2);
	if (is_write(io) && unlikely(vhdx_file_is_cut(io->file)))
		ret = -EIO;
	else if (write_begin(io, flags & IOCB_NOWAIT))
		ret = io_call(io);
	if (ret != -EIOCBQUEUED) {
		io->result = ret;
		return true;
	}
	return io_put(io);
}

static bool is_aligned(const struct vhdx_file_io *io)
{
	return vhdx_file_aligned(io->file, io->pos, io->bio->bi_iter.bi_size);
}

static void wait_work(struct work_struct *work)
{
	struct vhdx_file_io *io = container_of(work, struct vhdx_file_io, work);
	struct vhdx_scope scope = vhdx_scope_enter();
	const struct cred *cred = vhdx_file_assume(io->file);
	struct vhdx_charge charge;
	bool done;

	if (io->pause)
		msleep(io->pause);
	charge = vhdx_charge_enter(io->bio, !io->pause);
	done = io_issue(io, 0);
	vhdx_charge_leave(charge);
	if (done)
		io_done(io);
	revert_creds(cred);
	vhdx_scope_leave(scope);
}

/* Returns whether it is to be issued at once. */
static bool locate_io(struct vhdx_file_io *io)
{
	bool (*locate)(struct vhdx_file_io *io) = io->locate;

	io->locate = NULL;
	if (!locate(io))
		return false;
	io->direct = is_aligned(io);
	if (!may_go_on(io))
		return false;
	if (likely(io->direct))
		return true;
	queue_waiting(io, 0);
	return false;
}

/* Takes and returns lists of one file; what has completed already comes back. */
static struct llist_node *issue_batch(struct llist_node *batch)
{
	struct vhdx_file *file = llist_entry(batch, struct vhdx_file_io, node)->file;
	const struct cred *cred = vhdx_file_assume(file);
	struct cgroup_subsys_state *css = NULL;
	struct llist_node *done, **tail = &done;
	struct vhdx_file_io *io, *next;
	struct blk_plug plug;

	blk_start_plug(&plug);
	llist_for_each_entry_safe(io, next, batch, node) {
		if (io->locate && !locate_io(io))
			continue;
		css = vhdx_charge_switch(io->bio, css);
		if (io_issue(io, IOCB_NOWAIT)) {
			*tail = &io->node;
			tail = &io->node.next;
		}
	}
	*tail = NULL;
	blk_finish_plug(&plug);
	if (css)
		kthread_associate_blkcg(NULL);
	revert_creds(cred);
	return done;
}

/**
 * vhdx_file_issue() - issue what has come together
 * @batch: bios in the order in which they came
 *
 * Memory and the page cache answer at once. Whoever waits would wake at the
 * first answer and take the processor for one more bio; told of all at the end,
 * it makes the next batch as long as this one.
 *
 * Context: a worker, in a scope of its own.
 */
void vhdx_file_issue(struct llist_node *batch)
{
	struct vhdx_file_io *io, *next;

	batch = issue_batch(batch);
	llist_for_each_entry_safe(io, next, batch, node)
		io_done(io);
}

/* @locate, or @pos and @direct, are for the caller to set. */
static void io_init(struct vhdx_file_io *io, struct vhdx_file *file,
		    struct bio *bio)
{
	io->bio = bio;
	io->file = file;
	io->apart = false;
	io->lacking = false;
	io->begun = false;
	io->locate = NULL;
}

/**
 * vhdx_file_submit() - fill a bio from the file, or the file from a bio
 * @file: the store
 * @io: room for the bio's way
 * @bio: a read or a write, which is completed when that is done
 * @pos: byte offset in the file
 * @direct: bypass the page cache, if the range is aligned to that; see
 *	vhdx_file_direct()
 *
 * Context: any process context; does not wait, and does not call the file
 * system.
 */
void vhdx_file_submit(struct vhdx_file *file, struct vhdx_file_io *io,
		      struct bio *bio, u64 pos, bool direct)
{
	io_init(io, file, bio);
	io->pos = pos;
	io->direct = direct && is_aligned(io);
	if (!may_go_on(io))
		return;
	if (vhdx_file_in_batches(file, io->direct))
		vhdx_file_queue(file, io);
	else
		queue_waiting(io, 0);
}

/**
 * vhdx_file_submit_later() - have a worker find a bio's place first
 * @file: the store; vhdx_file_in_batches() without the page cache
 * @io: room for the bio's way
 * @bio: a read or a write
 * @locate: called by the worker; fills in @io->pos, or returns false if it saw
 *	to the bio in another way. It does not wait.
 *
 * Context: any process context; does not wait, and does not call the file
 * system.
 */
void vhdx_file_submit_later(struct vhdx_file *file, struct vhdx_file_io *io,
			    struct bio *bio,
			    bool (*locate)(struct vhdx_file_io *io))
{
	io_init(io, file, bio);
	io->direct = true;
	io->locate = locate;
	vhdx_file_queue(file, io);
}

static void file_flush_work(struct work_struct *work)
{
	struct vhdx_file *file = container_of(work, struct vhdx_file, flush);
	struct llist_node *batch = llist_del_all(&file->flushes);
	struct vhdx_scope scope = vhdx_scope_enter();
	struct vhdx_file_io *io, *next;
	blk_status_t status;

	status = errno_to_blk_status(vhdx_store_flush(&file->store));
	llist_for_each_entry_safe(io, next, batch, node) {
		io->bio->bi_status = status;
		bio_endio(io->bio);
	}
	vhdx_scope_leave(scope);
}

/**
 * vhdx_file_submit_flush() - make durable what was written
 * @file: the store
 * @io: room for the bio's way
 * @bio: is completed when that is done
 *
 * Those that come while a flush is under way share the next one.
 *
 * Context: any; does not wait.
 */
void vhdx_file_submit_flush(struct vhdx_file *file, struct vhdx_file_io *io,
			    struct bio *bio)
{
	io->bio = bio;
	if (llist_add(&io->node, &file->flushes))
		queue_work(file->readers, &file->flush);
}

static struct workqueue_struct *alloc_waiters(const char *name)
{
	return alloc_workqueue(name, WQ_MEM_RECLAIM | WQ_UNBOUND, WAITERS_MAX);
}

/**
 * vhdx_file_io_init() - make workers for a store
 * @file: the store; to be undone by vhdx_file_io_exit(), also after a failure
 *
 * Each store has its own: images may lie in file systems on devices that are
 * made from images, and the workers of one must not wait behind the other's. Nor
 * may reads and flushes wait behind writes, which a frozen file system holds
 * until it is thawed.
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_file_io_init(struct vhdx_file *file)
{
	init_llist_head(&file->flushes);
	INIT_WORK(&file->flush, file_flush_work);
	file->readers = alloc_waiters("vhdx_read");
	file->writers = alloc_waiters("vhdx_write");
	return file->readers && file->writers ? vhdx_file_queue_init(file) :
						-ENOMEM;
}

/**
 * vhdx_file_io_exit() - dismiss the workers
 * @file: the store, with no bio under way; workers may still be on their way
 *	out
 */
void vhdx_file_io_exit(struct vhdx_file *file)
{
	vhdx_file_queue_exit(file);
	if (file->readers)
		destroy_workqueue(file->readers);
	if (file->writers)
		destroy_workqueue(file->writers);
}
