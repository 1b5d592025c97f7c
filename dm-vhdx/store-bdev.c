// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata from a block device.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "store-bdev.h"

static struct page *buffer_page(const void *buf)
{
	return is_vmalloc_addr(buf) ? vmalloc_to_page(buf) : virt_to_page(buf);
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

		if (bio_add_page(bio, buffer_page(buf + done), step,
				 offset) != step)
			break;
		done += step;
	}
	return done;
}

/*
 * The buffer's pages are written to behind the back of its mapping, if it is
 * vmalloc memory.
 */
static int bdev_read_part(struct block_device *bdev, u64 pos, void *buf,
			  size_t *len)
{
	unsigned int pages = DIV_ROUND_UP(offset_in_page(buf) + *len,
					  PAGE_SIZE);
	struct bio *bio;
	int err;

	bio = bio_alloc(bdev, min_t(unsigned int, pages, BIO_MAX_VECS),
			REQ_OP_READ | REQ_META | REQ_SYNC, GFP_NOIO);
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	*len = bio_fill(bio, buf, *len);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (is_vmalloc_addr(buf))
		invalidate_kernel_vmap_range(buf, *len);
	return err;
}

static int bdev_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct vhdx_bdev *self = container_of(store, struct vhdx_bdev, store);
	size_t valid = pos < store->size ? min_t(u64, len, store->size - pos)
					 : 0;
	size_t done = 0, step;
	unsigned int noio = memalloc_noio_save();
	int err = 0;

	while (done < valid && !err) {
		step = valid - done;
		err = bdev_read_part(self->bdev, pos + done, buf + done, &step);
		done += step;
	}
	memalloc_noio_restore(noio);
	if (!err)
		memset(buf + valid, 0, len - valid);
	return err;
}

static const struct vhdx_store_ops bdev_ops = {
	.read = bdev_read,
};

/**
 * vhdx_bdev_init() - make a store of a block device
 * @store: the store; nothing needs to be undone
 * @bdev: open for reading for as long as the store is in use
 */
void vhdx_bdev_init(struct vhdx_bdev *store, struct block_device *bdev)
{
	store->store.ops = &bdev_ops;
	store->store.size = bdev_nr_bytes(bdev);
	store->bdev = bdev;
}
