// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block store: I/O of metadata, zeroing and discarding.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "bdev.h"
#include "buffer.h"
#include "pending.h"

/*
 * The reserve of bios: one for the committer, and one for the other users. Each
 * bio ends without a second one, so whoever waits for the reserve gets it.
 */
#define BIOS_MIN	2

/* The largest request in bytes: a bio counts them with 32 bits. */
#define EMPTY_BIO_MAX	(1024 * VHDX_MIB)

static struct bio *bdev_bio(struct vhdx_bdev *self, blk_opf_t opf, u64 pos,
			    u64 pages)
{
	struct bio *bio;

	bio = bio_alloc_bioset(self->bdev, min_t(u64, pages, BIO_MAX_VECS),
			       opf, GFP_NOIO, &self->bios);
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	return bio;
}

static int bdev_wait(struct bio *bio)
{
	int err = submit_bio_wait(bio);

	bio_put(bio);
	return err;
}

/*
 * Add as many pages of @buf to @bio as fit. Return the number of bytes.
 */
static size_t bio_fill(struct bio *bio, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		unsigned int offset = offset_in_page(buf + done);
		unsigned int step = min_t(size_t, len - done,
					  PAGE_SIZE - offset);

		if (bio_add_page(bio, vhdx_buffer_page(buf + done), step,
				 offset) != step)
			break;
		done += step;
	}
	return done;
}

/*
 * A buffer in vmalloc memory is mapped at two addresses, so caches that are
 * indexed by virtual address must be flushed or invalidated.
 */
static int bdev_move_part(struct vhdx_bdev *self, enum req_op op, u64 pos,
			  void *buf, size_t *len)
{
	unsigned int pages = DIV_ROUND_UP(offset_in_page(buf) + *len,
					  PAGE_SIZE);
	struct bio *bio;
	int err;

	bio = bdev_bio(self, op | REQ_META | REQ_SYNC, pos, pages);
	*len = bio_fill(bio, buf, *len);
	if (op_is_write(op) && is_vmalloc_addr(buf))
		flush_kernel_vmap_range(buf, *len);
	err = bdev_wait(bio);
	if (!op_is_write(op) && is_vmalloc_addr(buf))
		invalidate_kernel_vmap_range(buf, *len);
	return err;
}

static int bdev_move(struct vhdx_store *store, enum req_op op, u64 pos,
		     void *buf, size_t len)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	unsigned int noio = memalloc_noio_save();
	size_t done = 0, step;
	int err = 0;

	while (done < len && !err) {
		step = len - done;
		err = bdev_move_part(self, op, pos + done, buf + done,
				     &step);
		done += step;
	}
	memalloc_noio_restore(noio);
	return err;
}

static int bdev_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	size_t valid = pos < store->size ? min_t(u64, len, store->size - pos)
					 : 0;
	int err = bdev_move(store, REQ_OP_READ, pos, buf, valid);

	if (!err)
		memset(buf + valid, 0, len - valid);
	return err;
}

/* A write only reads the buffer; bios know no const. */
static int bdev_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	return bdev_move(store, REQ_OP_WRITE, pos, (void *)buf, len);
}

/* Writes that are under way at once. */
struct bdev_writes {
	struct vhdx_pending bios;
	blk_status_t status;
};

static void bdev_writes_end(struct bio *bio)
{
	struct bdev_writes *writes = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(writes->status, bio->bi_status);
	bio_put(bio);
	vhdx_pending_put(&writes->bios);
}

/* Each bio that waits for the reserve waits for those that were submitted. */
static void bdev_submit_piece(struct vhdx_bdev *self,
			      struct bdev_writes *writes,
			      const struct vhdx_piece *piece)
{
	size_t done = 0;

	if (is_vmalloc_addr(piece->buf))
		flush_kernel_vmap_range((void *)piece->buf, piece->len);
	while (done < piece->len) {
		const void *buf = piece->buf + done;
		size_t left = piece->len - done;
		struct bio *bio;

		bio = bdev_bio(self, REQ_OP_WRITE | REQ_META | REQ_SYNC,
			       piece->pos + done,
			       DIV_ROUND_UP(offset_in_page(buf) + left,
					    PAGE_SIZE));
		done += bio_fill(bio, buf, left);
		bio->bi_private = writes;
		bio->bi_end_io = bdev_writes_end;
		vhdx_pending_get(&writes->bios);
		submit_bio(bio);
	}
}

static int bdev_write_pieces(struct vhdx_store *store,
			     const struct vhdx_piece *pieces, u32 count)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	struct bdev_writes writes = {};
	unsigned int noio = memalloc_noio_save();
	struct blk_plug plug;
	u32 i;

	vhdx_pending_init(&writes.bios);
	blk_start_plug(&plug);
	for (i = 0; i < count; i++)
		bdev_submit_piece(self, &writes, &pieces[i]);
	blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
	vhdx_pending_wait(&writes.bios);
	return blk_status_to_errno(READ_ONCE(writes.status));
}

/* A flush of a device that became shorter fails: the missing part is lost. */
static int bdev_flush(struct vhdx_store *store)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	int err = blkdev_issue_flush(self->bdev);
	u64 length;

	return !err && vhdx_store_is_cut(store, &length) ? -EIO : err;
}

/* A device cannot grow; all of it is there from the start. */
static int bdev_extend(struct vhdx_store *store, u64 size)
{
	return -ENOSPC;
}

static int bdev_truncate(struct vhdx_store *store, u64 size)
{
	return 0;
}

static int bdev_empty_bios(struct vhdx_bdev *self, blk_opf_t opf, u64 pos,
			   u64 len, u64 step)
{
	int err = 0;

	while (len && !err) {
		struct bio *bio = bdev_bio(self, opf, pos, 0);

		step = min(step, len);
		bio->bi_iter.bi_size = step;
		err = bdev_wait(bio);
		pos += step;
		len -= step;
	}
	return err;
}

/* As bio_fill(), with pages of zeros. */
static u64 bio_fill_zeros(struct bio *bio, u64 len)
{
	u64 done = 0;

	while (done < len) {
		unsigned int step = min_t(u64, len - done, PAGE_SIZE);

		if (bio_add_page(bio, ZERO_PAGE(0), step, 0) != step)
			break;
		done += step;
	}
	return done;
}

static int bdev_write_zeros(struct vhdx_bdev *self, u64 pos, u64 len)
{
	int err = 0;

	while (len && !err) {
		struct bio *bio = bdev_bio(self, REQ_OP_WRITE, pos,
					   DIV_ROUND_UP_ULL(len, PAGE_SIZE));
		u64 step = bio_fill_zeros(bio, len);

		err = bdev_wait(bio);
		pos += step;
		len -= step;
	}
	return err;
}

/*
 * Zero with NOUNMAP. The device may be thin, and a write to a prepared block
 * must not find it without space.
 */
static int bdev_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	u64 limit = (u64)bdev_write_zeroes_sectors(self->bdev) << SECTOR_SHIFT;
	int err = -EOPNOTSUPP;

	if (limit)
		err = bdev_empty_bios(self, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP,
				      pos, len, min(limit, EMPTY_BIO_MAX));
	/*
	 * A device may find out only by an attempt that it cannot write zeroes.
	 */
	return err ? bdev_write_zeros(self, pos, len) : 0;
}

/* The block layer splits discards that are too long, at suitable places. */
static int bdev_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	int err = bdev_empty_bios(self, REQ_OP_DISCARD, pos, len,
				  EMPTY_BIO_MAX);

	return err == -EOPNOTSUPP ? 0 : err;
}

static u64 bdev_length(const struct vhdx_store *store)
{
	return bdev_nr_bytes(container_of(store, struct vhdx_bdev,
					  store)->bdev);
}

/* No other task looks at what is behind the old end. */
static bool bdev_refresh(struct vhdx_store *store, u64 limit)
{
	u64 length = min(bdev_length(store), limit);

	if (length <= store->size)
		return false;
	WRITE_ONCE(store->size, length);
	return true;
}

static const struct vhdx_store_ops bdev_ops = {
	.read = bdev_read,
	.write = bdev_write,
	.write_pieces = bdev_write_pieces,
	.flush = bdev_flush,
	.lengthen = bdev_extend,
	.extend = bdev_extend,
	.truncate = bdev_truncate,
	.zero = bdev_zero,
	.discard = bdev_discard,
	.length = bdev_length,
	.refresh = bdev_refresh,
};

/**
 * vhdx_bdev_init() - make a store of a block device, not yet usable
 * @store: the store; nothing to undo before vhdx_bdev_start()
 * @bdev: the device, open as long as the store is in use; open for writing
 *	unless the store is only read
 */
void vhdx_bdev_init(struct vhdx_bdev *store, struct block_device *bdev)
{
	store->store.ops = &bdev_ops;
	store->store.size = bdev_nr_bytes(bdev);
	store->bdev = bdev;
}

/**
 * vhdx_bdev_start() - make the store usable
 * @store: the store; the caller ends it with vhdx_bdev_stop(), also after a
 *	failure
 *
 * Bios for pages of the BAT, for the log and for zeroing need a reserve of
 * their own. Bios of data that wait for a page or a block may have used up the
 * reserve that all bios share. The block layer's functions for zeroes and
 * discards use that one, so they are no option here.
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int vhdx_bdev_start(struct vhdx_bdev *store)
{
	return bioset_init(&store->bios, BIOS_MIN, 0, BIOSET_NEED_BVECS);
}

/**
 * vhdx_bdev_stop() - end a store
 * @store: the store, with no I/O under way; started or not
 */
void vhdx_bdev_stop(struct vhdx_bdev *store)
{
	bioset_exit(&store->bios);
}
