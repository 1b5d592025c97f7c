/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels. No other file depends on them.
 *
 * Version numbers do not tell which interfaces a kernel has, because stable
 * kernels backport changes. Where the preprocessor cannot tell, the files in
 * probe/ are compiled to find out; Kbuild writes the results to probed.h.
 *
 *   vhdx_fl()			fields of struct file_lock
 *   vhdx_shrinker_new()	allocate and register a shrinker
 *   vhdx_shrinker_free()	unregister and free it
 *   vhdx_limit_zeroes()	limit the length of one write of zeroes
 *   vhdx_mapping_stable()	test whether a file needs stable pages
 *   vhdx_set_stable_writes()	make a device need stable pages
 *   vhdx_bdev_rotates()	test whether a device is rotational
 *   VHDX_WQ_PERCPU		flag of a workqueue: items stay on their CPU
 */
#ifndef VHDX_COMPAT_H
#define VHDX_COMPAT_H

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "probed.h"

/* 6.3: struct file_lock moved to a header of its own. */
#ifdef VHDX_HAVE_FILELOCK_HEADER
#include <linux/filelock.h>
#endif

/* 6.5: flags of their own replace file modes for opening block devices. */
#ifndef BLK_OPEN_READ
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

/*
 * 6.9: the members that all kinds of locks share moved to a struct of their
 * own.
 */
#ifdef VHDX_HAVE_FILE_LOCK_CORE
#define vhdx_fl(field)	c.flc_##field
#else
#define vhdx_fl(field)	fl_##field
#endif

/* 6.18: a workqueue needs either this flag or WQ_UNBOUND. */
#ifdef VHDX_HAVE_WQ_PERCPU
#define VHDX_WQ_PERCPU	WQ_PERCPU
#else
#define VHDX_WQ_PERCPU	0
#endif

/**
 * vhdx_bdev_rotates() - test whether a device is rotational
 * @bdev: the device
 *
 * 7.x: the block layer has a test for this, and none for the opposite any more.
 *
 * Return: true if it is.
 */
static inline bool vhdx_bdev_rotates(struct block_device *bdev)
{
#ifdef blk_queue_rot
	return bdev_rot(bdev);
#else
	return !bdev_nonrot(bdev);
#endif
}

typedef unsigned long (*vhdx_shrinker_fn)(struct shrinker *shrinker,
					  struct shrink_control *control);

/**
 * vhdx_shrinker_new() - allocate and register a shrinker
 * @name: for debugfs
 * @count: counts the objects that could be freed
 * @scan: frees objects
 *
 * 6.7: shrinkers are allocated by the core and freed under RCU.
 *
 * Return: the shrinker, or NULL if memory is short.
 */
static inline struct shrinker *vhdx_shrinker_new(const char *name,
						 vhdx_shrinker_fn count,
						 vhdx_shrinker_fn scan)
{
	struct shrinker *shrinker;

#ifdef VHDX_HAVE_SHRINKER_ALLOC
	shrinker = shrinker_alloc(0, "%s", name);
#else
	shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#endif
	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
#ifdef VHDX_HAVE_SHRINKER_ALLOC
	shrinker_register(shrinker);
#else
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

/**
 * vhdx_shrinker_free() - unregister and free a shrinker
 * @shrinker: as vhdx_shrinker_new() returned it
 *
 * Context: may sleep; waits for calls that are under way.
 */
static inline void vhdx_shrinker_free(struct shrinker *shrinker)
{
#ifdef VHDX_HAVE_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

/**
 * vhdx_limit_zeroes() - limit the length of one write of zeroes
 * @limits: limits of the device
 * @sectors: the limit, with or without REQ_NOUNMAP
 *
 * 6.17: writes of zeroes that may unmap have a limit of their own. A stacked
 * device starts with its highest value, and it must be 0 or equal to the other
 * limit.
 */
static inline void vhdx_limit_zeroes(struct queue_limits *limits,
				     unsigned int sectors)
{
	limits->max_write_zeroes_sectors = sectors;
#ifdef VHDX_HAVE_WZEROES_UNMAP
	limits->max_hw_wzeroes_unmap_sectors = sectors;
#endif
}

/**
 * vhdx_mapping_stable() - test whether a file needs stable pages
 * @mapping: mapping of the file
 *
 * 6.7, and earlier stable kernels: a file system may say so for single files.
 *
 * Return: true if pages must not change while they are written.
 */
static inline bool vhdx_mapping_stable(const struct address_space *mapping)
{
#ifdef VHDX_HAVE_STABLE_MAPPING
	return mapping_stable_writes(mapping);
#else
	return false;
#endif
}

static inline int vhdx_queue_set_stable(struct request_queue *queue)
{
#ifdef BLK_FEAT_STABLE_WRITES
	struct queue_limits limits = queue_limits_start_update(queue);

	limits.features |= BLK_FEAT_STABLE_WRITES;
	return queue_limits_commit_update(queue, &limits);
#else
	blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, queue);
	return 0;
#endif
}

/**
 * vhdx_set_stable_writes() - make a device need stable pages
 * @disk: the device, with no I/O under way
 *
 * 6.11: this is one of the queue's limits. The page cache of the device has
 * copied it when the disk was added.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
static inline int vhdx_set_stable_writes(struct gendisk *disk)
{
#ifdef VHDX_HAVE_STABLE_MAPPING
#ifdef VHDX_HAVE_BDEV_MAPPING
	mapping_set_stable_writes(disk->part0->bd_mapping);
#else
	mapping_set_stable_writes(disk->part0->bd_inode->i_mapping);
#endif
#endif
	return vhdx_queue_set_stable(disk->queue);
}

/**
 * vhdx_limit_features() - set whether a device polls and is rotational
 * @limits: limits of the device
 * @rotates: it is rotational; if false, @limits stay as they are
 * @polls: if false, it does not poll; if true, @limits stay as they are
 *
 * 6.11: these are features among the limits.
 */
static inline void vhdx_limit_features(struct queue_limits *limits,
				       bool rotates, bool polls)
{
#ifdef BLK_FEAT_ROTATIONAL
	if (rotates)
		limits->features |= BLK_FEAT_ROTATIONAL;
	if (!polls)
		limits->features &= ~BLK_FEAT_POLL;
#endif
}

/**
 * vhdx_queue_features() - set the same by flags of the queue
 * @q: queue of a suspended dm device, after dm has set its flags
 * @rotates: as for vhdx_limit_features()
 * @polls: as for vhdx_limit_features()
 *
 * Before 6.11: dm_table_set_restrictions() sets them from the devices that the
 * table names, whenever a table becomes live.
 */
static inline void vhdx_queue_features(struct request_queue *q, bool rotates,
				       bool polls)
{
#ifndef BLK_FEAT_ROTATIONAL
	if (rotates)
		blk_queue_flag_clear(QUEUE_FLAG_NONROT, q);
	if (!polls)
		blk_queue_flag_clear(QUEUE_FLAG_POLL, q);
#endif
}

/**
 * vhdx_queue_limits_begin() - begin to change the limits of a queue
 * @q: queue of a suspended dm device
 *
 * 6.9: the limits have a lock, and the kernel checks new ones. dm's functions
 * for this are not exported.
 *
 * Return: a copy of the limits, for vhdx_queue_limits_end(), with the
 * rotational feature cleared.
 */
static inline struct queue_limits
vhdx_queue_limits_begin(struct request_queue *q)
{
#ifdef BLK_FEAT_ROTATIONAL
	struct queue_limits limits = queue_limits_start_update(q);

	limits.features &= ~BLK_FEAT_ROTATIONAL;
	return limits;
#else
	return q->limits;
#endif
}

/**
 * vhdx_queue_limits_end() - change the limits of a queue
 * @q: as for vhdx_queue_limits_begin()
 * @limits: the copy that it returned, changed
 *
 * Return: 0, or a negative errno if the kernel refuses them.
 */
static inline int vhdx_queue_limits_end(struct request_queue *q,
					struct queue_limits *limits)
{
#ifdef BLK_FEAT_ROTATIONAL
	return queue_limits_commit_update(q, limits);
#else
	q->limits = *limits;
	disk_update_readahead(q->disk);
	return 0;
#endif
}

#endif /* VHDX_COMPAT_H */
