// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dm target "vhdx": a block device made of a VHDX image and its parents.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "backing.h"
#include "commit-life.h"
#include "compat.h"
#include "device.h"
#include "engine/resize.h"
#include "hibernate.h"
#include "limits.h"
#include "map.h"
#include "message.h"
#include "provision.h"
#include "reason.h"
#include "shrink.h"
#include "stack.h"
#include "status.h"
#include "store/file.h"
#include "write.h"
#include "wrote.h"

#define DM_MSG_PREFIX "vhdx"

static void target_free(struct vhdx_target *t)
{
	unsigned int i;

	if (t->committer)
		vhdx_committer_drop_table(t->committer, t->ti);
	vhdx_provision_exit(t);
	vhdx_wrote_exit(t);
	/*
	 * A task or a worker may still be in an RCU read-side section for a bio
	 * that has ended: in file_unplug(), or with a page of metadata. A snapshot
	 * is told to be done only after the old table is gone.
	 */
	synchronize_rcu_expedited();
	if (t->chain)
		vhdx_chain_free(t->chain);
	for (i = 0; i < t->layers; i++)
		vhdx_layer_close(t->ti, &t->layer[i]);
	vhdx_stack_leave(&t->stack);
	kvfree(t);
}

static int open_each(struct vhdx_target *t, const struct vhdx_table *table,
		     struct vhdx_file_workers **workers,
		     struct vhdx_reason *reason)
{
	bool write = vhdx_target_writable(t);
	unsigned int i;
	u64 held = 0;
	int err;

	for (i = 0; i < t->layers; i++) {
		/* Only the child is written: its parents must not change. */
		err = vhdx_layer_open(&t->stack, table->images[i], write && !i,
				      &t->options, workers, &t->layer[i],
				      reason);
		if (!err)
			err = vhdx_chain_bound_logs(&held,
						    t->layer[i].backing->image,
						    &reason->report);
		if (err)
			return err;
	}
	return 0;
}

static int open_layers(struct vhdx_target *t, const struct vhdx_table *table,
		       struct vhdx_reason *reason)
{
	struct vhdx_file_workers *workers = NULL;
	int err = open_each(t, table, &workers, reason);

	vhdx_file_workers_put(workers);
	/* From here on, a reason may be about any of the images. */
	if (!err && t->layers > 1)
		reason->image = NULL;
	return err;
}

static int make_chain(struct vhdx_target *t, struct vhdx_reason *reason)
{
	unsigned int flags = VHDX_CHAIN_LATE_ID;
	struct vhdx_image **images;
	struct vhdx_chain *chain;
	unsigned int i;

	images = kcalloc(t->layers, sizeof(*images), GFP_KERNEL);
	if (!images)
		return -ENOMEM;
	for (i = 0; i < t->layers; i++)
		images[i] = t->layer[i].backing->image;
	if (t->options.ignore_id_mismatch)
		flags |= VHDX_CHAIN_IGNORE_ID;
	chain = vhdx_chain_new(images, t->layers, flags, &reason->report);
	kfree(images);
	if (IS_ERR(chain))
		return PTR_ERR(chain);
	t->chain = chain;
	return 0;
}

static u64 parent_size(const struct vhdx_target *t)
{
	return t->chain->depth > 1 ? t->chain->layer[1]->params.size : 0;
}

/* Whether the image lets itself be written is known at the resume. */
static int check_growth(struct vhdx_target *t, struct vhdx_reason *reason)
{
	const char *fault = "a device that is read-only writes no new size";
	u64 sectors = min_t(u64, t->ti->len, U64_MAX >> SECTOR_SHIFT);

	if (vhdx_target_writable(t))
		fault = vhdx_resize_fault(t->chain->layer[0],
					  sectors << SECTOR_SHIFT,
					  parent_size(t));
	if (!fault)
		return 0;
	return vhdx_reason_give(reason, -EINVAL,
				"the disk cannot grow to %llu sectors of 512 bytes: %s",
				(unsigned long long)t->ti->len, fault);
}

static int check_length(struct vhdx_target *t, struct vhdx_reason *reason)
{
	u64 sectors = t->chain->size >> SECTOR_SHIFT;

	if (t->ti->len == sectors)
		return 0;
	if (t->options.grow && t->ti->len > sectors)
		return check_growth(t, reason);
	return vhdx_reason_give(reason, -EINVAL,
				"the table says %llu sectors, but the virtual disk has %llu (of 512 bytes)",
				(unsigned long long)t->ti->len, sectors);
}

static int set_up_child(struct vhdx_target *t)
{
	struct vhdx_image *image = t->layer[0].backing->image;

	if (!image->bat.differencing)
		return 0;
	vhdx_pool_need(&image->pool, vhdx_provision_pages());
	return vhdx_wrote_init(t);
}

static int target_open(struct vhdx_target *t, const struct vhdx_table *table,
		       struct vhdx_reason *reason)
{
	int err;

	err = vhdx_stack_enter(&t->stack, t->ti, t->layers);
	if (!err)
		err = vhdx_provision_init(t);
	if (!err)
		err = open_layers(t, table, reason);
	if (!err)
		err = make_chain(t, reason);
	if (!err)
		err = check_length(t, reason);
	if (!err)
		err = vhdx_limits_check(t, reason);
	if (!err && vhdx_target_writable(t))
		err = set_up_child(t);
	if (!err && vhdx_target_writable(t))
		t->committer = t->layer[0].backing->committer;
	return err;
}

static void set_up_writes(struct vhdx_target *t)
{
	struct dm_target *ti = t->ti;

	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	if (t->options.no_discard)
		return;
	ti->num_discard_bios = 1;
	ti->discards_supported = true;
	ti->num_write_zeroes_bios = 1;
}

/*
 * The constructor runs while the old table may be live, so it changes nothing
 * in the images.
 */
static int vhdx_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct vhdx_reason reason;
	struct vhdx_table table;
	struct vhdx_target *t;
	int err;

	vhdx_reason_init(&reason, ti);
	err = vhdx_table_parse(argc, argv, &table, &reason);
	if (err)
		return err;
	t = kvzalloc(struct_size(t, layer, table.count), GFP_KERNEL);
	if (!t)
		return vhdx_reason_give(&reason, -ENOMEM, "out of memory");
	t->ti = ti;
	t->options = table.options;
	t->layers = table.count;
	err = target_open(t, &table, &reason);
	if (err) {
		if (!reason.given)
			vhdx_reason_give(&reason, err,
					 "cannot be used: %s (%d)",
					 vhdx_errno_words(err), err);
		target_free(t);
		return err;
	}
	ti->private = t;
	ti->per_io_data_size = sizeof(struct vhdx_io);
	ti->limit_swap_bios = true;
	if (t->committer)
		set_up_writes(t);
	return 0;
}

static void vhdx_dtr(struct dm_target *ti)
{
	target_free(ti->private);
}

/* Not in the constructor: the live table may share the images. */
static void bound_caches(struct vhdx_target *t)
{
	unsigned int i;

	for (i = 0; i < t->layers; i++)
		vhdx_backing_set_cache(t->layer[i].backing,
				       t->options.bat_cache);
}

/*
 * The live table is no more, so nothing is under way. A table that is resumed again
 * finds the disk grown.
 */
static int grow(struct vhdx_target *t)
{
	u64 size = (u64)t->ti->len << SECTOR_SHIFT;
	int err = 0;

	if (t->chain->layer[0]->params.size < size)
		err = vhdx_committer_grow(t->committer);
	if (!err)
		WRITE_ONCE(t->chain->size, size);
	return err;
}

static int vhdx_preresume(struct dm_target *ti)
{
	struct vhdx_target *t = ti->private;
	int err;

	err = vhdx_limits_resume(t);
	if (err)
		return err;
	/* The old table is no longer live, so nobody writes to a parent. */
	err = vhdx_chain_check_late(t->chain, t->chain->layer[0]->report);
	if (err)
		return err;
	bound_caches(t);
	if (!t->committer)
		return 0;
	err = vhdx_committer_preresume(t->committer, ti,
				       t->options.no_space_timeout);
	return err ?: t->options.grow ? grow(t) : 0;
}

/*
 * dm asks the devices below a table whether they need stable pages; it knows
 * nothing of files. For a table without devices, 6.1 sets the queue's limits
 * without asking the target, and later kernels keep those of the last table.
 */
static void ask_stable_pages(const struct vhdx_target *t)
{
	const struct vhdx_layer *child = &t->layer[0];

	if (!child->direct || !vhdx_file_wants_stable(child->file))
		return;
	if (vhdx_set_stable_writes(dm_disk(dm_table_get_md(t->ti->table))))
		DMWARN("%s: its file system needs stable pages, which cannot be asked for",
		       child->backing->name);
}

/*
 * A table without --readonly is loaded for writing. If its features forbid
 * writing, mark the disk read-only. This must happen here: on 6.1 and on 6.12,
 * do_resume() in dm-ioctl.c sets the disk's flag by the mode of the new table,
 * and then resumes the targets. A resume without a new table keeps the flag.
 */
static void vhdx_resume(struct dm_target *ti)
{
	struct vhdx_target *t = ti->private;

	if (t->committer)
		ask_stable_pages(t);
	else
		set_disk_ro(dm_disk(dm_table_get_md(ti->table)), true);
}

/*
 * dm waits for all bios next: end those that wait for space, or requeue them.
 */
static void vhdx_presuspend(struct dm_target *ti)
{
	struct vhdx_target *t = ti->private;

	if (t->committer)
		vhdx_committer_presuspend(t->committer,
					  dm_noflush_suspending(ti) ?
					  BLK_STS_DM_REQUEUE : BLK_STS_NOSPC);
}

static void vhdx_presuspend_undo(struct dm_target *ti)
{
	struct vhdx_target *t = ti->private;

	if (t->committer)
		vhdx_committer_presuspend_undo(t->committer);
}

/* All bios have ended. End the session, so that the image can be copied. */
static void vhdx_postsuspend(struct dm_target *ti)
{
	struct vhdx_target *t = ti->private;

	if (t->committer)
		vhdx_committer_postsuspend(t->committer);
}

/*
 * Call @fn for the devices among the layers. The target needs this hook for
 * files too: without it, 6.1 does not call ->io_hints.
 */
static int vhdx_iterate_devices(struct dm_target *ti,
				iterate_devices_callout_fn fn, void *data)
{
	struct vhdx_target *t = ti->private;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < t->layers && !ret; i++) {
		struct dm_dev *dev = t->layer[i].dev;
		u32 sectors = t->chain->layer[0]->params.logical_sector >>
			SECTOR_SHIFT;

		if (!dev)
			continue;
		/* dm demands whole sectors of the size that ->io_hints sets. */
		ret = fn(ti, dev, 0,
			 round_down(bdev_nr_sectors(dev->bdev), sectors), data);
	}
	return ret;
}

static struct target_type vhdx_target = {
	.name = "vhdx",
	.version = { 1, 7, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = vhdx_ctr,
	.dtr = vhdx_dtr,
	.map = vhdx_map,
	.end_io = vhdx_end_io,
	.preresume = vhdx_preresume,
	.resume = vhdx_resume,
	.presuspend = vhdx_presuspend,
	.presuspend_undo = vhdx_presuspend_undo,
	.postsuspend = vhdx_postsuspend,
	.status = vhdx_status,
	.message = vhdx_message,
	.iterate_devices = vhdx_iterate_devices,
	.io_hints = vhdx_limits_hint,
};

static int __init vhdx_init(void)
{
	int err;

	err = vhdx_shrink_init();
	if (err)
		return err;
	err = vhdx_hibernate_init();
	if (err)
		goto no_notifier;
	err = dm_register_target(&vhdx_target);
	if (err) {
		DMERR("register failed %d", err);
		goto no_target;
	}
	return 0;
no_target:
	vhdx_hibernate_exit();
no_notifier:
	vhdx_shrink_exit();
	return err;
}

static void __exit vhdx_exit(void)
{
	dm_unregister_target(&vhdx_target);
	vhdx_hibernate_exit();
	vhdx_shrink_exit();
	/* Pages are freed by callbacks in this module. */
	rcu_barrier();
}

module_init(vhdx_init);
module_exit(vhdx_exit);

MODULE_DESCRIPTION("Device-mapper target for VHDX images");
MODULE_AUTHOR("The dm-vhdx authors");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crc32c");
