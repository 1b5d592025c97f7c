// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bios that need a worker.
 *
 * A worker loads the metadata that the mapping of a bio needs, and submits the
 * bio run by run. dm_accept_partial_bio() works only inside ->map, so the
 * worker splits off each run but the last. dm's clone completes when all its
 * parts have.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/workqueue.h>

#include "charge.h"
#include "defer.h"
#include "device.h"
#include "provision.h"
#include "scope.h"
#include "store/file.h"
#include "trace.h"
#include "write.h"
#include "wrote.h"
#include "zero.h"

/* Reserves: enough for one bio to make progress on its own. */
#define PARTS_RESERVE	4
#define BOUNCE_RESERVE	2

/*
 * A read needs a page of the BAT and a page of a bitmap at the same time, in
 * each image. A write into a child needs the entries of a block and of its
 * bitmap, and all pages of that, see engine/child.c. If the bios that load need
 * more than the pages of a pool, they may evict each other's pages forever.
 * Discards and zeroes have as many workers of their own.
 */
#define WORKERS_MIN	8
#define WORKERS_MAX	64
#define PAGES_READ	2
#define PAGES_CHILD	(2 + VHDX_BITMAP_PAGES_MAX)

/* Copy to a bio and advance it, as a read of the device would. */
static void copy_to_bio(struct bio *bio, const char *buf, size_t len)
{
	while (len) {
		struct bio_vec bvec = bio_iter_iovec(bio, bio->bi_iter);
		size_t step = min_t(size_t, len, bvec.bv_len);

		memcpy_to_page(bvec.bv_page, bvec.bv_offset, buf, step);
		bio_advance(bio, step);
		buf += step;
		len -= step;
	}
}

static int read_copy(struct vhdx_target *t, u64 pos, void *buf, size_t len)
{
	int err;

	for (;;) {
		err = vhdx_chain_read(t->chain, pos, buf, len);
		if (err != -ENOMEM)
			return err;
		msleep(VHDX_RETRY_MS);
	}
}

/* Have the engine read what is no plain range of a store. */
static void run_copy(struct vhdx_target *t, struct bio *bio, u64 pos)
{
	struct page *page = mempool_alloc(t->bounce, GFP_NOIO);
	struct vhdx_charge charge = vhdx_charge_enter(bio, false);
	int err = 0;

	while (bio->bi_iter.bi_size && !err) {
		size_t step = min_t(size_t, bio->bi_iter.bi_size, VHDX_PAGE);

		err = read_copy(t, pos, page_address(page), step);
		if (!err)
			copy_to_bio(bio, page_address(page), step);
		pos += step;
	}
	vhdx_charge_leave(charge);
	mempool_free(page, t->bounce);
	/* Keep the error of a part that has already failed. */
	if (err)
		bio->bi_status = errno_to_blk_status(err);
	bio_endio(bio);
}

/* @part is that of dm's @clone, or of a bio split off it. */
static void run_data(struct vhdx_target *t, struct bio *clone,
		     struct vhdx_io *part, const struct vhdx_run *run)
{
	const struct vhdx_layer *layer = &t->layer[run->layer];
	struct bio *bio = part->bio;

	if (!layer->bdev) {
		vhdx_file_submit(layer->file, &part->file, bio, run->offset,
				 layer->direct);
		return;
	}
	bio_set_dev(bio, layer->bdev);
	bio->bi_iter.bi_sector = run->offset >> SECTOR_SHIFT;
	dm_submit_bio_remap(clone, bio);
}

/* Like the end of a chained bio, except that each part has its own epoch. */
static void part_end_io(struct bio *bio)
{
	struct vhdx_part *part = container_of(bio, struct vhdx_part, bio);
	struct bio *clone = bio->bi_private;

	vhdx_io_leave(&part->io);
	if (!bio->bi_status && vhdx_wrote_later(&part->io))
		return;
	/* If several parts fail, any one of the errors will do. */
	if (bio->bi_status && !READ_ONCE(clone->bi_status))
		WRITE_ONCE(clone->bi_status, bio->bi_status);
	bio_put(bio);
	bio_endio(clone);
}

/*
 * The part stays in the epoch of its lookup. The rest of the clone leaves it:
 * the rest may wait for room, and freeing room waits for the epoch.
 */
static struct vhdx_io *split_off(struct vhdx_io *io, u64 len)
{
	struct vhdx_target *t = io->target;
	struct vhdx_part *part;
	struct bio *bio;

	bio = bio_split(io->bio, len >> SECTOR_SHIFT, GFP_NOIO, &t->parts);
	bio_inc_remaining(io->bio);
	bio->bi_private = io->bio;
	bio->bi_end_io = part_end_io;
	part = container_of(bio, struct vhdx_part, bio);
	part->io.target = t;
	part->io.bio = bio;
	part->io.epoch = io->epoch;
	part->io.absent = 0;
	io->epoch = NULL;
	return &part->io;
}

static void run_submit(struct vhdx_io *io, const struct vhdx_run *run, u64 pos)
{
	struct vhdx_target *t = io->target;
	struct bio *clone = io->bio;
	struct vhdx_io *part = io;

	if (run->length < clone->bi_iter.bi_size)
		part = split_off(io, run->length);
	switch (run->kind) {
	case VHDX_RUN_ZERO:
		zero_fill_bio(part->bio);
		bio_endio(part->bio);
		break;
	case VHDX_RUN_DATA:
		vhdx_wrote_note(part, pos, run);
		run_data(t, clone, part, run);
		break;
	case VHDX_RUN_COPY:
		run_copy(t, part->bio, pos);
		break;
	}
}

/* Map the first run of what is left; load metadata until that succeeds. */
static int map_patiently(struct vhdx_io *io, u64 pos, u64 len,
			 struct vhdx_run *run)
{
	struct vhdx_target *t = io->target;
	struct vhdx_miss miss;
	int err;

	for (;;) {
		vhdx_io_enter(t, io);
		if (op_is_write(bio_op(io->bio)))
			err = vhdx_write_map(t, pos, len, run, &miss);
		else
			err = vhdx_chain_map(t->chain, pos, len, run, &miss);
		if (!err)
			return 0;
		vhdx_io_leave(io);
		if (err != -EAGAIN)
			return err;
		err = vhdx_defer_load(&miss);
		if (err)
			return err;
	}
}

/* Return true if a part of the bio is left. */
static bool provision_run(struct vhdx_io *io)
{
	struct vhdx_target *t = io->target;
	struct bio *bio = io->bio;
	u64 pos = vhdx_target_pos(t, bio);
	struct vhdx_run run;
	bool more;
	int err;

	err = map_patiently(io, pos, bio->bi_iter.bi_size, &run);
	if (err) {
		vhdx_defer(io, err);
		return false;
	}
	trace_vhdx_map_bio(bio, pos, &run);
	/* The last run may complete and free the bio. */
	more = run.length < bio->bi_iter.bi_size;
	run_submit(io, &run, pos);
	return more;
}

static void provision_work(struct work_struct *work)
{
	struct vhdx_io *io = container_of(work, struct vhdx_io, wait.work);
	struct vhdx_scope scope = vhdx_scope_enter();

	/* The runs end at different times, so a commit follows all of them. */
	if (io->bio->bi_opf & REQ_FUA) {
		io->bio->bi_opf &= ~REQ_FUA;
		io->durable = true;
	}
	while (provision_run(io))
		cond_resched();
	vhdx_scope_leave(scope);
}

static bool is_zeroes(const struct bio *bio)
{
	return bio_op(bio) == REQ_OP_DISCARD ||
	       bio_op(bio) == REQ_OP_WRITE_ZEROES;
}

/**
 * vhdx_provision_prepare() - choose the worker for a bio
 * @io: I/O of dm's clone, as vhdx_map() left it; in no epoch
 *
 * Context: any; does not sleep.
 */
void vhdx_provision_prepare(struct vhdx_io *io)
{
	struct vhdx_target *t = io->target;

	atomic64_inc(&t->deferred);
	/* A worker may sleep, and nobody polls for its I/O. */
	io->bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	if (is_zeroes(io->bio)) {
		INIT_WORK(&io->wait.work, vhdx_zero_work);
		io->wait.workers = t->zeroer;
	} else {
		INIT_WORK(&io->wait.work, provision_work);
		io->wait.workers = t->loader;
	}
}

/**
 * vhdx_provision() - hand a bio from ->map to a worker
 * @io: I/O of dm's clone, as vhdx_map() left it; in no epoch
 *
 * Context: any that submits bios; does not sleep.
 */
void vhdx_provision(struct vhdx_io *io)
{
	vhdx_provision_prepare(io);
	vhdx_io_go_on(io);
}

/**
 * vhdx_provision_pages() - pages that the workers of a child need
 *
 * Return: how many pages the pool of a child that is written must hold, so that
 * as many workers as there are at least get on.
 */
unsigned long vhdx_provision_pages(void)
{
	return 2 * WORKERS_MIN * PAGES_CHILD;
}

static unsigned int worker_limit(const struct vhdx_target *t)
{
	unsigned long pages = t->options.bat_cache / (VHDX_PAGE / VHDX_KIB);
	unsigned long need = PAGES_READ;

	if (t->layers > 1 && vhdx_target_writable(t))
		need = 2 * PAGES_CHILD;
	if (!pages)
		pages = VHDX_POOL_PAGES_DEFAULT;
	return clamp_t(unsigned long, pages / need, WORKERS_MIN, WORKERS_MAX);
}

/**
 * vhdx_provision_init() - create the workers of a device
 * @t: the device, with its options set; the caller undoes this with
 *	vhdx_provision_exit(), also after an error
 *
 * Discards and zeroes have a workqueue of their own: a frozen file system
 * blocks them until it is thawed, and reads must not wait behind them.
 *
 * Context: process context.
 * Return: 0 or a negative errno.
 */
int vhdx_provision_init(struct vhdx_target *t)
{
	t->bounce = mempool_create_page_pool(BOUNCE_RESERVE, 0);
	if (!t->bounce)
		return -ENOMEM;
	t->loader = alloc_workqueue("vhdx_load", WQ_MEM_RECLAIM | WQ_UNBOUND,
				    worker_limit(t));
	t->zeroer = alloc_workqueue("vhdx_zero", WQ_MEM_RECLAIM | WQ_UNBOUND,
				    worker_limit(t));
	if (!t->loader || !t->zeroer)
		return -ENOMEM;
	return bioset_init(&t->parts, PARTS_RESERVE,
			   offsetof(struct vhdx_part, bio), 0);
}

/**
 * vhdx_provision_exit() - destroy the workers
 * @t: the device, with no bio under way; workers may still be returning
 *
 * Context: process context; sleeps until the workers have returned.
 */
void vhdx_provision_exit(struct vhdx_target *t)
{
	if (t->loader)
		destroy_workqueue(t->loader);
	if (t->zeroer)
		destroy_workqueue(t->zeroer);
	mempool_destroy(t->bounce);
	bioset_exit(&t->parts);
}
