// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue limits of a device.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/minmax.h>

#include "compat.h"
#include "device.h"
#include "limits.h"
#include "reason.h"
#include "store/file.h"

#define DM_MSG_PREFIX "vhdx"

/* Bounds io_opt, which determines read-ahead: blocks may be 32 MiB. */
#define IO_OPT_MAX	VHDX_MIB

/* Bounds one discard, in bytes, and so the time that it occupies a worker. */
#define ZERO_MAX	(1024 * VHDX_MIB)

static struct gendisk *disk_of(const struct vhdx_target *t)
{
	return dm_disk(dm_table_get_md(t->ti->table));
}

static u32 sector_size(const struct vhdx_target *t)
{
	return t->chain->layer[0]->params.logical_sector;
}

/*
 * dm calculates limits of a table that has one: dm_table_has_no_data_devices().
 */
static bool names_device(const struct vhdx_target *t)
{
	unsigned int i;

	for (i = 0; i < t->layers; i++)
		if (t->layer[i].dev)
			return true;
	return false;
}

/**
 * vhdx_limits_check() - refuse a table whose sectors differ from the device's
 * @t: the device that the table would make
 * @reason: receives the error message
 *
 * The refusal keeps the live table. A size above 0 shows that there is one,
 * since dm sets both together. A refusal by ->preresume would be too late: dm
 * frees the old table even then.
 *
 * Context: a constructor.
 * Return: 0 or -EINVAL.
 */
int vhdx_limits_check(const struct vhdx_target *t, struct vhdx_reason *reason)
{
	struct gendisk *disk = disk_of(t);
	unsigned int old = queue_logical_block_size(disk->queue);

	if (!get_capacity(disk) || names_device(t) || old == sector_size(t))
		return 0;
	return vhdx_reason_give(reason, -EINVAL,
				"the virtual disk has sectors of %u bytes, the live table of %u, which the device keeps; remove the device and create it anew",
				sector_size(t), old);
}

/* Take limits from the device below the file system, if it has one. */
static struct block_device *device_of(const struct vhdx_layer *layer)
{
	return layer->file ? file_inode(layer->file->filp)->i_sb->s_bdev : NULL;
}

static bool any_rotates(const struct vhdx_target *t)
{
	unsigned int i;

	for (i = 0; i < t->layers; i++) {
		struct block_device *bdev = device_of(&t->layer[i]);

		if (bdev && vhdx_bdev_rotates(bdev))
			return true;
	}
	return false;
}

/* A worker issues the bios of a file, so their submitter cannot poll. */
static bool all_poll(const struct vhdx_target *t)
{
	unsigned int i;

	for (i = 0; i < t->layers; i++)
		if (t->layer[i].file)
			return false;
	return true;
}

static void hint_file(const struct vhdx_layer *layer,
		      struct queue_limits *limits)
{
	struct block_device *bdev = device_of(layer);

	limits->physical_block_size = max(limits->physical_block_size,
					  layer->file->offset_align);
	if (bdev)
		limits->physical_block_size =
			max(limits->physical_block_size,
			    bdev_physical_block_size(bdev));
	if (layer->direct)
		limits->dma_alignment = max(limits->dma_alignment,
					    layer->file->mem_align - 1);
}

/*
 * A file can free parts of a block, so a file system on the device need not
 * discard whole blocks. A read-only device takes no discards. With no_discard,
 * zeroes are written as data, since zeroing without data makes as many extents
 * of the file.
 */
static void hint_discards(const struct vhdx_target *t,
			  struct queue_limits *limits)
{
	const struct vhdx_params *params = &t->chain->layer[0]->params;
	bool takes = t->committer && !t->options.no_discard;
	unsigned int sectors = takes ? ZERO_MAX >> SECTOR_SHIFT : 0;

	limits->discard_granularity =
		max3(params->logical_sector, (u32)VHDX_PAGE,
		     t->options.discard_granularity);
	limits->discard_alignment = 0;
	limits->max_discard_sectors = sectors;
	limits->max_hw_discard_sectors = sectors;
	vhdx_limit_zeroes(limits, sectors);
}

/**
 * vhdx_limits_hint() - dm's ->io_hints
 * @ti: the target
 * @limits: limits of the devices below; the defaults if there are none
 *
 * Context: process context.
 */
void vhdx_limits_hint(struct dm_target *ti, struct queue_limits *limits)
{
	struct vhdx_target *t = ti->private;
	const struct vhdx_params *params = &t->chain->layer[0]->params;
	unsigned int i;

	limits->logical_block_size = params->logical_sector;
	limits->physical_block_size = max3(limits->physical_block_size,
					   params->physical_sector,
					   params->logical_sector);
	for (i = 0; i < t->layers; i++)
		if (t->layer[i].file)
			hint_file(&t->layer[i], limits);
	limits->io_min = limits->physical_block_size;
	limits->io_opt = min_t(u32, params->block_size, IO_OPT_MAX);
	vhdx_limit_features(limits, any_rotates(t), all_poll(t));
	hint_discards(t, limits);
}

/* Reset the limits that ->io_hints sets. */
static void reset_stacked(struct queue_limits *limits)
{
	struct queue_limits fresh;

	blk_set_stacking_limits(&fresh);
	limits->physical_block_size = fresh.physical_block_size;
	limits->dma_alignment = fresh.dma_alignment;
}

static int mend_queue(struct vhdx_target *t, struct request_queue *q)
{
	struct queue_limits limits = vhdx_queue_limits_begin(q);
	int err;

	reset_stacked(&limits);
	vhdx_limits_hint(t->ti, &limits);
	err = vhdx_queue_limits_end(q, &limits);
	if (err)
		DMERR("%s: the kernel refuses the limits of the table (%d)",
		      dm_table_device_name(t->ti->table), err);
	return err;
}

/**
 * vhdx_limits_resume() - replace the limits that dm kept from another table
 * @t: the device, whose table becomes live
 *
 * Does nothing if the table has other targets: then only dm's own calculation
 * is right for all of them.
 *
 * Context: ->preresume, with no I/O under way.
 * Return: 0; or a negative errno, and the kernel log has the reason.
 */
int vhdx_limits_resume(struct vhdx_target *t)
{
	bool alone = t->ti->len == dm_table_get_size(t->ti->table);
	struct request_queue *q = disk_of(t)->queue;
	unsigned int old = queue_logical_block_size(q);

	if (old < sector_size(t) || (alone && old != sector_size(t))) {
		DMERR("%s: has sectors of %u bytes, the device of %u; remove and create it anew",
		      dm_table_device_name(t->ti->table), sector_size(t), old);
		return -EINVAL;
	}
	vhdx_queue_features(q, any_rotates(t), all_poll(t));
	return alone && !names_device(t) ? mend_queue(t, q) : 0;
}
