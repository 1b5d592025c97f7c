// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata from and to a block device, and its space.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "bdev.h"
#include "buffer.h"

/*
 * One for the committer, and one for the others: none has more than one, and
 * each of them ends without another.
 */
#define BIOS_MIN	2

/* In bytes, which a bio counts with 32 bits. */
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
 * Fills @bio with the pages of @buf, as many as it takes.
 * Returns bytes.
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
 * A buffer in vmalloc memory has two addresses: its pages' contents must pass
 * through caches that go by the other one.
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

/* The buffer is only read: bios have no const. */
static int bdev_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	return bdev_move(store, REQ_OP_WRITE, pos, (void *)buf, len);
}

/* Nothing passes the end of the device; but what is missing is not durable. */
static int bdev_flush(struct vhdx_store *store)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	int err = blkdev_issue_flush(self->bdev);
	u64 length;

	return !err && vhdx_store_is_cut(store, &length) ? -EIO : err;
}

/* All of the device is there from the start. */
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

/* As bio_fill(). */
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
 * NOUNMAP, for the device may be thin: what was prepared for a block must not
 * turn out to have no room when the block is written to.
 */
static int bdev_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	u64 limit = (u64)bdev_write_zeroes_sectors(self->bdev) << SECTOR_SHIFT;
	int err = -EOPNOTSUPP;

	if (limit)
		err = bdev_empty_bios(self, REQ_OP_WRITE_ZEROES | REQ_NOUNMAP,
				      pos, len, min(limit, EMPTY_BIO_MAX));
	/* That it cannot do it, a device may find out by the attempt. */
	return err ? bdev_write_zeros(self, pos, len) : 0;
}

/* The block layer cuts what is longer than the device takes, where it should. */
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

static const struct vhdx_store_ops bdev_ops = {
	.read = bdev_read,
	.write = bdev_write,
	.flush = bdev_flush,
	.lengthen = bdev_extend,
	.extend = bdev_extend,
	.truncate = bdev_truncate,
	.zero = bdev_zero,
	.discard = bdev_discard,
	.length = bdev_length,
};

/**
 * vhdx_bdev_init() - make a store of a block device
 * @store: the store; nothing needs to be undone before vhdx_bdev_start()
 * @bdev: open for as long as the store is in use; for writing, too, if anything
 *	but reading is to be done
 */
void vhdx_bdev_init(struct vhdx_bdev *store, struct block_device *bdev)
{
	store->store.ops = &bdev_ops;
	store->store.size = bdev_nr_bytes(bdev);
	store->bdev = bdev;
}

/**
 * vhdx_bdev_start() - what the store needs to be read and written
 * @store: the store; to be undone by vhdx_bdev_stop(), also after a failure
 *
 * The bios of a page of the BAT, of the log, and of what is zeroed for a new
 * block, must not come from the reserve that all share, which is why the block
 * layer's own functions for zeroes and discards are of no use: bios of data that
 * wait for the page, or for the block, may have taken all of it.
 *
 * Context: process context.
 * Return: 0 or -ENOMEM.
 */
int vhdx_bdev_start(struct vhdx_bdev *store)
{
	return bioset_init(&store->bios, BIOS_MIN, 0, BIOSET_NEED_BVECS);
}

/**
 * vhdx_bdev_stop() - what vhdx_bdev_start() made is not needed any more
 * @store: the store, not in use; started or not
 */
void vhdx_bdev_stop(struct vhdx_bdev *store)
{
	bioset_exit(&store->bios);
}
