// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image in a file: changing metadata, and making space.
 */
#include <linux/bvec.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>

#include "buffer.h"
#include "fresh.h"
#include "store-file.h"

/* Pages to a write: what fits on a stack. */
#define WRITE_PAGES	32

static struct vhdx_file *to_file(struct vhdx_store *store)
{
	return container_of(store, struct vhdx_file, store);
}

/*
 * Returns how many bytes of @buf the vector describes.
 */
static size_t describe(struct bio_vec *vec, unsigned int *count,
		       const void *buf, size_t len)
{
	size_t done = 0;

	for (*count = 0; done < len && *count < WRITE_PAGES; (*count)++) {
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
 * Metadata is written around the page cache where that can be done: dirty pages
 * there would be looked for by each direct read and write of payload.
 */
static bool write_direct(const struct vhdx_file *file, loff_t pos,
			 const void *buf, size_t len)
{
	return vhdx_file_direct(file, VHDX_PAGE) &&
	       IS_ALIGNED(pos | len, file->offset_align) &&
	       IS_ALIGNED((unsigned long)buf, file->mem_align);
}

static ssize_t write_some(struct vhdx_file *file, loff_t pos, const void *buf,
			  size_t len)
{
	struct bio_vec vec[WRITE_PAGES];
	struct iov_iter iter;
	struct kiocb iocb;
	unsigned int count;
	ssize_t ret;

	len = describe(vec, &count, buf, len);
	iov_iter_bvec(&iter, ITER_SOURCE, vec, count, len);
	init_sync_kiocb(&iocb, file->filp);
	iocb.ki_pos = pos;
	iocb.ki_flags |= IOCB_WRITE;
	if (write_direct(file, pos, buf, len))
		iocb.ki_flags |= IOCB_DIRECT;
	if (is_vmalloc_addr(buf))
		flush_kernel_vmap_range((void *)buf, len);
	file_start_write(file->filp);
	ret = file->filp->f_op->write_iter(&iocb, &iter);
	file_end_write(file->filp);
	return ret ?: -EIO;
}

static int file_write(struct vhdx_store *store, u64 pos, const void *buf,
		      size_t len)
{
	unsigned int noio = memalloc_noio_save();
	ssize_t done = 0;

	vhdx_fresh_touch(to_file(store)->fresh, pos, len);
	while (len && done >= 0) {
		done = write_some(to_file(store), pos, buf, len);
		if (done > 0) {
			pos += done;
			buf += done;
			len -= done;
		}
	}
	memalloc_noio_restore(noio);
	return min_t(ssize_t, done, 0);
}

/* Data alone: what does not help to read it back may wait, such as times. */
static int file_flush(struct vhdx_store *store)
{
	unsigned int noio = memalloc_noio_save();
	int err = vfs_fsync(to_file(store)->filp, 1);

	memalloc_noio_restore(noio);
	return err;
}

static int file_allocate(struct vhdx_file *file, int mode, u64 pos, u64 len)
{
	unsigned int noio = memalloc_noio_save();
	int err = vfs_fallocate(file->filp, mode, pos, len);

	memalloc_noio_restore(noio);
	return err;
}

static int set_length(struct vhdx_file *file, u64 size)
{
	unsigned int noio = memalloc_noio_save();
	int err;

	vhdx_fresh_cut(file->fresh, size);
	err = vfs_truncate(&file->filp->f_path, size);
	memalloc_noio_restore(noio);
	if (!err)
		WRITE_ONCE(file->store.size, size);
	return err;
}

/*
 * Reserved space is better than a hole: a write to it cannot lack room, and on
 * ext4 it does not have to wait for others.
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
		WRITE_ONCE(store->size, size);
		vhdx_fresh_add(file->fresh, before, size);
	} else if (i_size_read(file_inode(file->filp)) != before) {
		/* It got as far as there was room. */
		set_length(file, before);
	}
	return err;
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

/* A hole reads as zeros, too; what was given up by that is reserved again. */
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

static int file_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	int err = file_allocate(to_file(store), FALLOC_FL_KEEP_SIZE, pos, len);

	return err == -EOPNOTSUPP ? 0 : err;
}

static int file_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	int err = file_allocate(to_file(store), FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, pos, len);

	return err == -EOPNOTSUPP ? 0 : err;
}

const struct vhdx_store_ops vhdx_file_ops = {
	.read = vhdx_file_read,
	.write = file_write,
	.flush = file_flush,
	.extend = file_extend,
	.truncate = file_truncate,
	.zero = file_zero,
	.reserve = file_reserve,
	.discard = file_discard,
};
