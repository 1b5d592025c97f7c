/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels, and the only file that knows of them.
 *
 * Version numbers do not tell what a kernel has, because stable kernels take
 * changes of interfaces from later ones. Where the preprocessor cannot see
 * what there is, probe/ asks the compiler; the answers are in probed.h, which
 * Kbuild makes.
 *
 *   vhdx_fl()			fields of struct file_lock
 *   vhdx_shrinker_new()	a shrinker, registered
 *   vhdx_shrinker_free()
 *   vhdx_limit_zeroes()	how much a device zeroes at once
 *   vhdx_mapping_stable()	do pages of a file stay as they are while written?
 *   vhdx_set_stable_writes()	have a device's do so
 *   vhdx_bdev_rotates()	is seeking dear on a device?
 *   VHDX_WQ_PERCPU		flag of a workqueue whose works stay on their CPU
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

/* 6.3: file locks have a header of their own. */
#ifdef VHDX_HAVE_FILELOCK_HEADER
#include <linux/filelock.h>
#endif

/* 6.5: how a block device is opened is no longer said by file modes. */
#ifndef BLK_OPEN_READ
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

/* 6.9: what all kinds of locks share moved to a structure of its own. */
#ifdef VHDX_HAVE_FILE_LOCK_CORE
#define vhdx_fl(field)	c.flc_##field
#else
#define vhdx_fl(field)	fl_##field
#endif

/* 6.18: no flag at all is a mistake. */
#ifdef VHDX_HAVE_WQ_PERCPU
#define VHDX_WQ_PERCPU	WQ_PERCPU
#else
#define VHDX_WQ_PERCPU	0
#endif

/**
 * vhdx_bdev_rotates() - is seeking dear on a device?
 * @bdev: the device
 *
 * 7.x: the block layer asks for that, no longer for the contrary.
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
 * vhdx_shrinker_new() - make a shrinker and register it
 * @name: for debugfs
 * @count: how many objects could be freed?
 * @scan: free some
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
 * vhdx_shrinker_free() - be asked no more
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
 * vhdx_limit_zeroes() - how much a device zeroes with one bio
 * @limits: the device's
 * @sectors: as much, whether space may be given up by that or not
 *
 * 6.17: a limit of its own for the former, which a stacked device starts with
 * at its highest value, and which must be none or that of all zeroes.
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
 * vhdx_mapping_stable() - do pages of a file stay as they are while written?
 * @mapping: of the file
 *
 * 6.7, and stable kernels before: a file system says so of single files, too.
 *
 * Return: true if they must.
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
 * vhdx_set_stable_writes() - have pages of a device stay as they are while written
 * @disk: the device, with no I/O under way
 *
 * 6.11: it is one of the queue's limits.  The device's own page cache has taken
 * over what the queue said when the disk was added.
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
 * vhdx_limit_features() - say whether a device polls and rotates
 * @limits: the device's
 * @rotates: it does; otherwise what @limits say counts
 * @polls: what @limits say counts; otherwise it does not
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
 * vhdx_queue_features() - the same by flags of the queue
 * @q: a suspended dm device's, after dm has set its flags
 * @rotates: see vhdx_limit_features()
 * @polls: likewise
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
 * vhdx_queue_limits_begin() - change the limits of a queue
 * @q: a suspended dm device's
 *
 * 6.9: they have a lock, and are checked before they change. dm's own functions
 * for this are not exported.
 *
 * Return: a copy of the limits, for vhdx_queue_limits_end(). They do not say any
 * more that the device rotates.
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
 * @limits: what that returned, changed
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
