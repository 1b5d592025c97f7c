// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: the operations that the engine calls, for metadata and space.
 */
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "../scope.h"
#include "buffer.h"
#include "file.h"
#include "fresh.h"
#include "pending.h"

/* Pages per call: their vector must fit on the stack. */
#define MOVE_PAGES	32

/*
 * How long to retry, in milliseconds, while a file system has no memory for a
 * change, or no room to copy existing data on write. A log that cannot be
 * written ends all writing, so do not give up early.
 */
#define PATIENCE	(30 * MSEC_PER_SEC)

static struct vhdx_file *to_file(struct vhdx_store *store)
{
	return container_of(store, struct vhdx_file, store);
}

/* What a task that calls the file system for the engine has to restore. */
struct guise {
	unsigned int noio;
	const struct cred *cred;
};

static struct guise guise_enter(const struct vhdx_file *file)
{
	return (struct guise){
		.noio = memalloc_noio_save(),
		.cred = vhdx_file_assume(file),
	};
}

static void guise_leave(struct guise guise)
{
	revert_creds(guise.cred);
	memalloc_noio_restore(guise.noio);
}

/*
 * Describe at most @max pages of @buf. Return how many bytes the vector covers.
 */
static size_t describe_buffer(struct bio_vec *vec, unsigned int max,
			      unsigned int *count, const void *buf, size_t len)
{
	size_t done = 0;

	for (*count = 0; done < len && *count < max; (*count)++) {
		unsigned int offset = offset_in_page(buf + done);
		unsigned int step = min_t(size_t, len - done,
					  PAGE_SIZE - offset);

		vec[*count] = (struct bio_vec){
			.bv_page = vhdx_buffer_page(buf + done),
			.bv_offset = offset,
			.bv_len = step,
		};
		done += step;
	}
	return done;
}

/*
 * Return true if an I/O of metadata can bypass the page cache. In the page
 * cache, metadata would need memory while writeback waits for a page of the
 * BAT. It would be a second copy that the limit on the engine's pages does not
 * count. And each direct I/O of payload would have to look for cached pages in
 * its range.
 */
static bool move_direct(const struct vhdx_file *file, loff_t pos,
			const void *buf, size_t len)
{
	return vhdx_file_direct(file) && file->offset_align <= VHDX_PAGE &&
	       vhdx_file_aligned(file, pos, len) &&
	       IS_ALIGNED((unsigned long)buf, file->mem_align);
}

static void forget_cached(struct vhdx_file *file, loff_t pos, ssize_t len)
{
	if (len > 0)
		invalidate_inode_pages2_range(file->filp->f_mapping,
					      pos >> PAGE_SHIFT,
					      (pos + len - 1) >> PAGE_SHIFT);
}

static ssize_t read_some(struct vhdx_file *file, struct kiocb *iocb,
			 struct iov_iter *iter, void *buf, size_t len)
{
	loff_t pos = iocb->ki_pos;
	ssize_t ret = file->filp->f_op->read_iter(iocb, iter);

	if (!(iocb->ki_flags & IOCB_DIRECT))
		forget_cached(file, pos, ret);
	if (is_vmalloc_addr(buf))
		invalidate_kernel_vmap_range(buf, len);
	return ret;
}

static ssize_t write_some(struct vhdx_file *file, struct kiocb *iocb,
			  struct iov_iter *iter, void *buf, size_t len)
{
	ssize_t ret;

	if (is_vmalloc_addr(buf))
		flush_kernel_vmap_range(buf, len);
	file_start_write(file->filp);
	ret = file->filp->f_op->write_iter(iocb, iter);
	file_end_write(file->filp);
	return ret ?: -EIO;
}

/* Return bytes, 0 if a read begins at the end of the file, or an errno. */
static ssize_t move_some(struct vhdx_file *file, int dir, loff_t pos, void *buf,
			 size_t len)
{
	struct bio_vec vec[MOVE_PAGES];
	struct iov_iter iter;
	struct kiocb iocb;
	unsigned int count;

	len = describe_buffer(vec, MOVE_PAGES, &count, buf, len);
	iov_iter_bvec(&iter, dir, vec, count, len);
	init_sync_kiocb(&iocb, file->filp);
	iocb.ki_pos = pos;
	if (move_direct(file, pos, buf, len))
		iocb.ki_flags |= IOCB_DIRECT;
	if (dir == ITER_DEST)
		return read_some(file, &iocb, &iter, buf, len);
	iocb.ki_flags |= IOCB_WRITE;
	return write_some(file, &iocb, &iter, buf, len);
}

static bool pause_for(unsigned int ms, unsigned int *waited)
{
	*waited += ms;
	if (*waited > PATIENCE)
		return false;
	msleep(ms);
	return true;
}

/* Return true, after a pause, if the caller must retry after -ENOMEM. */
static bool try_again(ssize_t ret, unsigned int *waited)
{
	return ret == -ENOMEM && pause_for(VHDX_RETRY_MS, waited);
}

/* The same for I/O inside the file, which needs room on few file systems. */
static bool move_again(ssize_t ret, unsigned int *waited)
{
	if (vhdx_store_no_room(ret))
		return pause_for(VHDX_ROOM_RETRY_MS, waited);
	return try_again(ret, waited);
}

/* Return how many bytes were not moved, or a negative errno. */
static ssize_t move_all(struct vhdx_file *file, int dir, loff_t pos, void *buf,
			size_t len)
{
	struct guise guise = guise_enter(file);
	unsigned int waited = 0;
	ssize_t done = 0;

	while (len) {
		done = move_some(file, dir, pos, buf, len);
		if (move_again(done, &waited))
			continue;
		if (done <= 0)
			break;
		pos += done;
		buf += done;
		len -= done;
	}
	guise_leave(guise);
	return done < 0 ? done : len;
}

static int file_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	ssize_t left = move_all(to_file(store), ITER_DEST, pos, buf, len);

	if (left < 0)
		return left;
	/* Bytes beyond the end that we know of read as zeros. */
	if (left && vhdx_file_is_cut(to_file(store)))
		return -EIO;
	memset(buf + len - left, 0, left);
	return 0;
}

/* The write only reads @buf, but iterators have no const. */
static int file_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	struct vhdx_file *file = to_file(store);
	int err;

	if (vhdx_file_is_cut(file))
		return -EIO;
	vhdx_fresh_touch(file->fresh, pos, len);
	vhdx_file_modified(file);
	err = move_all(file, ITER_SOURCE, pos, (void *)buf, len);
	/* The cut may have come before this write, which extended the file. */
	return !err && vhdx_file_is_cut(file) ? -EIO : err;
}

/* One of several pieces that are written at once, by direct I/O. */
struct piece {
	struct kiocb iocb;
	struct vhdx_pending *all;
	long result;
};

static void piece_complete(struct kiocb *iocb, long result)
{
	struct piece *piece = container_of(iocb, struct piece, iocb);

	piece->result = result;
	vhdx_pending_put(piece->all);
}

static unsigned int pages_of(const struct vhdx_piece *of)
{
	return DIV_ROUND_UP(offset_in_page(of->buf) + of->len, PAGE_SIZE);
}

/* The vector stays until the I/O has completed. */
static void piece_issue(struct vhdx_file *file, struct piece *piece,
			struct bio_vec *vec, const struct vhdx_piece *of)
{
	struct iov_iter iter;
	unsigned int count;
	ssize_t ret;

	describe_buffer(vec, pages_of(of), &count, of->buf, of->len);
	if (is_vmalloc_addr(of->buf))
		flush_kernel_vmap_range((void *)of->buf, of->len);
	iov_iter_bvec(&iter, ITER_SOURCE, vec, count, of->len);
	piece->iocb = (struct kiocb){
		.ki_filp = file->filp,
		.ki_pos = of->pos,
		.ki_flags = IOCB_DIRECT | IOCB_WRITE,
		.ki_complete = piece_complete,
	};
	vhdx_pending_get(piece->all);
	ret = file->filp->f_op->write_iter(&piece->iocb, &iter);
	if (ret != -EIOCBQUEUED)
		piece_complete(&piece->iocb, ret);
}

/* Issue all, and wait for all: piece[i].result tells what became of each. */
static void pieces_issue(struct vhdx_file *file, struct piece *piece,
			 const struct vhdx_piece *of, u32 count)
{
	struct bio_vec *vec = (struct bio_vec *)&piece[count];
	struct guise guise = guise_enter(file);
	struct vhdx_pending all;
	struct blk_plug plug;
	u32 i;

	vhdx_pending_init(&all);
	file_start_write(file->filp);
	blk_start_plug(&plug);
	for (i = 0; i < count; i++) {
		piece[i].all = &all;
		piece_issue(file, &piece[i], vec, &of[i]);
		vec += pages_of(&of[i]);
	}
	blk_finish_plug(&plug);
	vhdx_pending_wait(&all);
	file_end_write(file->filp);
	guise_leave(guise);
}

/*
 * Allocate the state of all pieces, or return NULL if they are better written
 * one after the other: some through the page cache, or memory is short.
 */
static struct piece *pieces_new(const struct vhdx_file *file,
				const struct vhdx_piece *of, u32 count)
{
	size_t pages = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		if (!move_direct(file, of[i].pos, of[i].buf, of[i].len))
			return NULL;
		pages += pages_of(&of[i]);
	}
	if (count < 2)
		return NULL;
	return kmalloc(count * sizeof(struct piece) +
		       pages * sizeof(struct bio_vec),
		       GFP_NOWAIT | __GFP_NOWARN);
}

/* What a piece lacks after the first attempt, a write of its own does. */
static int file_write_pieces(struct vhdx_store *store,
			     const struct vhdx_piece *pieces, u32 count)
{
	struct vhdx_file *file = to_file(store);
	struct piece *issued = pieces_new(file, pieces, count);
	int err = 0;
	u32 i;

	if (issued && vhdx_file_is_cut(file))
		err = -EIO;
	if (issued && !err) {
		for (i = 0; i < count; i++)
			vhdx_fresh_touch(file->fresh, pieces[i].pos,
					 pieces[i].len);
		vhdx_file_modified(file);
		pieces_issue(file, issued, pieces, count);
		if (vhdx_file_is_cut(file))
			err = -EIO;
	}
	for (i = 0; i < count && !err; i++)
		if (!issued || issued[i].result != pieces[i].len)
			err = file_write(store, pieces[i].pos, pieces[i].buf,
					 pieces[i].len);
	kfree(issued);
	return err;
}

/* Like fdatasync(): times, and what else reads do not need, may wait. */
static int file_flush(struct vhdx_store *store)
{
	struct vhdx_file *file = to_file(store);
	struct guise guise = guise_enter(file);
	int err = vfs_fsync(file->filp, 1);

	guise_leave(guise);
	/* Data that was cut off is not durable. */
	if (!err && vhdx_file_is_cut(file))
		err = -EIO;
	/* Somebody who has the file open, too, may have got the error. */
	return err ? err : filemap_check_wb_err(file->filp->f_mapping,
						file->since);
}

static int file_allocate(struct vhdx_file *file, int mode, u64 pos, u64 len)
{
	struct guise guise = guise_enter(file);
	unsigned int waited = 0;
	int err = -EIO;

	if (vhdx_file_is_cut(file))
		goto out;
	vhdx_file_modified(file);
	do {
		err = vfs_fallocate(file->filp, mode, pos, len);
	} while (try_again(err, &waited));
out:
	guise_leave(guise);
	return err;
}

static int set_length(struct vhdx_file *file, u64 size)
{
	u64 before = file->store.size;
	struct guise guise;
	int err;

	if (vhdx_file_is_cut(file))
		return -EIO;
	guise = guise_enter(file);
	vhdx_fresh_cut(file->fresh, size);
	/* Others must not take our own cut for a foreign one. */
	if (size < before)
		WRITE_ONCE(file->store.size, size);
	smp_wmb(); /* Pairs with smp_rmb() in vhdx_file_is_cut(). */
	err = vfs_truncate(&file->filp->f_path, size);
	guise_leave(guise);
	/* Pairs with the acquire in vhdx_store_is_cut(). */
	smp_store_release(&file->store.size, err ? before : size);
	return err;
}

/*
 * Prefer reserved space to a hole: a write to reserved space always has room,
 * and on ext4 it does not wait for other writes.
 */
static int file_extend(struct vhdx_store *store, u64 size)
{
	struct vhdx_file *file = to_file(store);
	u64 before = store->size;
	int err;

	err = file_allocate(file, 0, before, size - before);
	if (err == -EOPNOTSUPP)
		return set_length(file, size);
	if (!err) {
		/* Pairs with the acquire in vhdx_store_is_cut(). */
		smp_store_release(&store->size, size);
		vhdx_fresh_add(file->fresh, before, size);
	} else if (i_size_read(file_inode(file->filp)) != before) {
		/* The allocation ran out of room halfway. */
		set_length(file, before);
	}
	return err;
}

/* A log entry may ask for any length, so reserve no space. */
static int file_lengthen(struct vhdx_store *store, u64 size)
{
	return set_length(to_file(store), size);
}

static int file_truncate(struct vhdx_store *store, u64 size)
{
	return set_length(to_file(store), size);
}

static int write_zeros(struct vhdx_store *store, u64 pos, u64 len)
{
	const void *zeros = page_address(ZERO_PAGE(0));
	int err = 0;

	while (len && !err) {
		size_t step = min_t(u64, len, PAGE_SIZE);

		err = file_write(store, pos, zeros, step);
		pos += step;
		len -= step;
	}
	return err;
}

/* Zero a range by a hole, and reserve the space of the hole again. */
static int punch_and_reserve(struct vhdx_file *file, u64 pos, u64 len)
{
	int err = file_allocate(file, FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, pos, len);

	if (!err)
		err = file_allocate(file, FALLOC_FL_KEEP_SIZE, pos, len);
	return err;
}

static int file_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_file *file = to_file(store);
	int err;

	err = file_allocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
			    pos, len);
	if (err == -EOPNOTSUPP)
		err = punch_and_reserve(file, pos, len);
	if (err == -EOPNOTSUPP)
		err = write_zeros(store, pos, len);
	return err;
}

/*
 * Reserve space, and unshare extents that a reflink shares with another file: a
 * write to those would need new space.
 */
static int file_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_file *file = to_file(store);
	int err;

	err = file_allocate(file, FALLOC_FL_UNSHARE_RANGE |
			    FALLOC_FL_KEEP_SIZE, pos, len);
	if (err == -EOPNOTSUPP)
		err = file_allocate(file, FALLOC_FL_KEEP_SIZE, pos, len);
	return err == -EOPNOTSUPP ? 0 : err;
}

static int file_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	int err = file_allocate(to_file(store), FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, pos, len);

	return err == -EOPNOTSUPP ? 0 : err;
}

static int file_clear(struct vhdx_store *store, u64 pos, u64 len)
{
	int err = file_allocate(to_file(store), FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, pos, len);

	return err == -EOPNOTSUPP ? file_zero(store, pos, len) : err;
}

static u64 file_length(const struct vhdx_store *store)
{
	const struct vhdx_file *file =
		container_of(store, struct vhdx_file, store);

	return i_size_read(file_inode(file->filp));
}

const struct vhdx_store_ops vhdx_file_ops = {
	.read = file_read,
	.write = file_write,
	.write_pieces = file_write_pieces,
	.flush = file_flush,
	.lengthen = file_lengthen,
	.extend = file_extend,
	.truncate = file_truncate,
	.zero = file_zero,
	.reserve = file_reserve,
	.discard = file_discard,
	.clear = file_clear,
	.length = file_length,
};
