// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store's data path: bios that read and write a file.
 *
 * A worker issues many bios at a time under one plug, see store/file-queue.c.
 * It issues each as asynchronous direct I/O with IOCB_NOWAIT, and most complete
 * that way. Each bio that would wait gets a work item of its own, so that it
 * does not hold up others.
 *
 * I/O uses the bio's own pages. After a short read or write, the bio is
 * advanced over what is done, and the rest is issued again.
 *
 * Writes stay inside the file, which the engine has extended before. If
 * somebody has truncated the file since, no write is issued any more, because
 * it would extend the file again. A write that raced with the truncation fails,
 * too.
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
#include "../scope.h"
#include "file.h"
#include "fresh.h"
#include "status.h"

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
 * Queue a bio to a worker that may wait. A write in that queue must not hold
 * the file system's freeze protection: writes ahead of it may wait for the
 * thaw.
 *
 * Context: any, since I/O completes in interrupts, too.
 */
static void queue_waiting(struct vhdx_file_io *io, unsigned int pause)
{
	write_end(io);
	io->pause = pause;
	INIT_WORK(&io->work, wait_work);
	queue_work(is_write(io) ? io->file->workers->writers :
				  io->file->workers->readers,
		   &io->work);
}

/*
 * Take the file system's freeze protection for an attempt to write. write_end()
 * drops it after each attempt. Return true if the write may begin.
 */
static bool write_begin(struct vhdx_file_io *io, bool nowait)
{
	if (!is_write(io))
		return true;
	if (nowait) {
		if (!file_start_write_trylock(io->file->filp))
			return false;
		/* The write may end in another context. */
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

/* End the ordering against other writes, and issue those that waited for it. */
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
		/* The read begins at the end of the file, which was cut. */
		bio->bi_status = BLK_STS_IOERR;
		io_end(io);
	}
}

/*
 * Return true if another attempt, which may wait, can succeed. -EOPNOTSUPP says
 * that the file system supports IOCB_NOWAIT, but its device does not.
 */
static bool may_be_had(const struct vhdx_file_io *io)
{
	return io->result == -EAGAIN || io->result == -ENOMEM ||
	       (io->result == -EOPNOTSUPP && io->iocb.ki_flags & IOCB_NOWAIT);
}

/*
 * Order a write against others: the page cache may read a page that a direct
 * write is changing, see overlap.h. A fill writes a whole grain.
 *
 * Return false if the bio has to wait; leave_others() then issues it later.
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

/* Retry through the page cache: the file refuses direct I/O of the bio. */
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
 * A file system may use the kiocb after the I/O has completed; ext4 does. So
 * the issuer and the completion each hold a reference.
 *
 * Return true if this was the last one, and the caller must call io_done().
 */
static bool io_put(struct vhdx_file_io *io)
{
	return atomic_dec_and_test(&io->refs);
}

/*
 * Return false if the bio has to wait for a write that fills its grain.
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
 * Return true if a bio may be issued now. Otherwise the bio is issued when the
 * write that it waits for has ended. The order of the two checks avoids a
 * deadlock: a write that others are ordered against never waits for a fill.
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
 * Return true if a flush may have failed. A flush error is reported only once,
 * so a second attempt would hide it, see vhdx_committer_flush_failed().
 */
static bool may_be_flush(const struct vhdx_file_io *io)
{
	return io->result < 0 && io->bio->bi_opf & REQ_FUA &&
	       !vhdx_store_no_room(io->result);
}

/*
 * End a write of the bio's data and zeros around it. If that failed, retry with
 * the bio alone: the file system may have room for that much, and the bad part
 * of the disk may be elsewhere in the grain.
 *
 * Return true if the result is that of the bio.
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

/* bi_vcnt is of no use here: a clone has no vector of its own. */
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

/* Return true if the I/O has completed, and the caller must call io_done(). */
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

/* Look up the place of a bio. Return true if the caller must issue it now. */
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

/* Issue bios of one file. Return a list of those that completed at once. */
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
 * vhdx_file_issue() - issue a batch of bios
 * @batch: bios of one file, oldest first
 *
 * Some I/O completes at once, from memory or the page cache. A submitter that
 * waits would wake at the first completion and take the CPU to submit one more
 * bio. If all complete at the end, its next batch is as long as this one.
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

/* The caller sets @direct, and @locate or @pos. */
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
 * vhdx_file_submit() - submit a read or a write
 * @file: the store
 * @io: memory for the state of the bio, until it ends
 * @bio: the read or write; ends when it is done
 * @pos: byte offset in the file
 * @direct: bypass the page cache, if the range is aligned; see
 *	vhdx_file_direct()
 *
 * Context: any process context; does not sleep, and does not call the file
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
 * vhdx_file_submit_later() - submit a bio whose place a worker looks up
 * @file: the store; vhdx_file_in_batches() is true for direct I/O
 * @io: memory for the state of the bio, until it ends
 * @bio: the read or write; ends when it is done
 * @locate: the worker calls this; sets @io->pos and returns true, or returns
 *	false if it took the bio over. It does not sleep.
 *
 * Context: any process context; does not sleep, and does not call the file
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
 * vhdx_file_submit_flush() - submit a flush
 * @file: the store
 * @io: memory for the state of the bio, until it ends
 * @bio: an empty bio; ends when all writes that ended before are durable
 *
 * Flushes that arrive while one is under way share the next one.
 *
 * Context: any; does not sleep.
 */
void vhdx_file_submit_flush(struct vhdx_file *file, struct vhdx_file_io *io,
			    struct bio *bio)
{
	io->bio = bio;
	if (llist_add(&io->node, &file->flushes))
		queue_work(file->workers->flushers, &file->flush);
}

/**
 * vhdx_file_io_init() - prepare a store for bios
 * @file: the store; the caller undoes this with vhdx_file_io_exit(), also after
 *	an error
 * @shared: workqueues of the table, see vhdx_file_workers_get()
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int vhdx_file_io_init(struct vhdx_file *file,
		      struct vhdx_file_workers **shared)
{
	init_llist_head(&file->flushes);
	INIT_WORK(&file->flush, file_flush_work);
	file->workers = vhdx_file_workers_get(shared, vhdx_file_writable(file));
	return file->workers ? vhdx_file_queue_init(file) : -ENOMEM;
}

/**
 * vhdx_file_io_exit() - dismiss the workers
 * @file: the store, with no bio under way; workers may still be returning
 *
 * Context: process context; sleeps until the workers have returned.
 */
void vhdx_file_io_exit(struct vhdx_file *file)
{
	vhdx_file_queue_exit(file);
	if (!file->workers)
		return;
	/* An item has the credentials of the file until it returns. */
	flush_workqueue(file->workers->readers);
	if (vhdx_file_writable(file)) {
		flush_workqueue(file->workers->writers);
		flush_workqueue(file->workers->flushers);
	}
	vhdx_file_workers_put(file->workers);
}
