// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table's hold on one image.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "backing.h"
#include "compat.h"
#include "layer.h"
#include "reason.h"
#include "table.h"

static bool is_device_number(const char *name)
{
	unsigned int major, minor;
	char junk;

	return sscanf(name, "%u:%u%c", &major, &minor, &junk) == 2;
}

/* Ask before opening: a FIFO or a tape would not like to be opened. */
static int file_type(const char *name, umode_t *type,
		     struct vhdx_reason *reason)
{
	struct path path;
	int err;

	if (is_device_number(name)) {
		*type = S_IFBLK;
		return 0;
	}
	err = kern_path(name, LOOKUP_FOLLOW, &path);
	if (err)
		return vhdx_reason_give(reason, err,
					"cannot be found: %s (%d)",
					vhdx_errno_words(err), err);
	*type = d_backing_inode(path.dentry)->i_mode & S_IFMT;
	path_put(&path);
	return 0;
}

/* The path in the caller's view, for a table line that works later too. */
static char *absolute_path(struct file *filp)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	char *path, *copy;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	path = file_path(filp, buf, PATH_MAX);
	copy = IS_ERR(path) ? path : kstrdup(path, GFP_KERNEL);
	kfree(buf);
	return copy ?: ERR_PTR(-ENOMEM);
}

/*
 * An image that lies on the device that is made from it would be read through
 * itself, for ever.
 */
static bool lies_on_itself(struct dm_target *ti, struct file *filp)
{
	struct gendisk *disk = dm_disk(dm_table_get_md(ti->table));

	return file_inode(filp)->i_sb->s_dev == disk_devt(disk);
}

static int open_file(struct dm_target *ti, struct vhdx_claim *claim,
		     const struct vhdx_options *options,
		     struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	struct file *filp = vhdx_file_open(claim->name, claim->write, reason);
	struct vhdx_backing *backing;
	char *path;

	if (IS_ERR(filp))
		return PTR_ERR(filp);
	if (lies_on_itself(ti, filp)) {
		fput(filp);
		return vhdx_reason_give(reason, -ELOOP,
					"lies on the very device that would be made from it");
	}
	path = absolute_path(filp);
	if (IS_ERR(path)) {
		fput(filp);
		return PTR_ERR(path);
	}
	layer->name = path;
	/* A name such as /proc/self/fd/3 tells the log nothing. */
	reason->image = path;
	claim->name = path;
	backing = vhdx_backing_get_file(filp, claim, reason);
	if (IS_ERR(backing))
		return PTR_ERR(backing);
	layer->backing = backing;
	layer->file = &backing->file;
	layer->direct = !options->buffered && vhdx_file_direct(&backing->file);
	vhdx_file_set_sector(&backing->file,
			     backing->image->params.logical_sector);
	return 0;
}

static int claim_device(struct dm_target *ti, const struct vhdx_claim *claim,
			struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	int err;

	err = dm_get_device(ti, claim->name,
			    claim->write ? BLK_OPEN_READ | BLK_OPEN_WRITE :
					   BLK_OPEN_READ, &layer->dev);
	if (!err && claim->write && bdev_read_only(layer->dev->bdev))
		return vhdx_reason_give(reason, -EROFS,
					"block device is read-only; load the table read-only");
	if (!err)
		return 0;
	layer->dev = NULL;
	return vhdx_reason_give(reason, err,
				"block device cannot be opened%s: %s (%d)%s",
				claim->write ? " for writing" : "",
				vhdx_errno_words(err), err,
				claim->write ? "; load the table read-only" :
					       "");
}

static int open_bdev(struct dm_target *ti, struct vhdx_claim *claim,
		     struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	struct vhdx_backing *backing;
	int err;

	err = claim_device(ti, claim, layer, reason);
	if (err)
		return err;
	claim->name = layer->dev->name;
	backing = vhdx_backing_get_bdev(layer->dev->bdev, claim, reason);
	if (IS_ERR(backing))
		return PTR_ERR(backing);
	layer->backing = backing;
	layer->bdev = layer->dev->bdev;
	if (bdev_logical_block_size(layer->bdev) >
	    backing->image->params.logical_sector)
		return vhdx_reason_give(reason, -EINVAL,
					"the device has sectors of %u bytes, the virtual disk in it of %u",
					bdev_logical_block_size(layer->bdev),
					backing->image->params.logical_sector);
	return 0;
}

/**
 * vhdx_layer_open() - open an image that the table names
 * @ti: the target under construction
 * @name: path, or major:minor
 * @write: it is to be written
 * @options: the table's features
 * @layer: the result, all zeros before; to be closed even after a failure
 * @reason: takes the sentence if it fails
 *
 * Context: a constructor, as the process that loads the table.
 * Return: 0 or a negative errno.
 */
int vhdx_layer_open(struct dm_target *ti, const char *name, bool write,
		    const struct vhdx_options *options,
		    struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	struct vhdx_claim claim = {
		.name = name,
		.md = dm_table_get_md(ti->table),
		.table = ti->table,
		.write = write,
	};
	umode_t type;
	int err;

	reason->image = name;
	err = file_type(name, &type, reason);
	if (err)
		return err;
	switch (type) {
	case S_IFREG:
		err = open_file(ti, &claim, options, layer, reason);
		break;
	case S_IFBLK:
		err = open_bdev(ti, &claim, layer, reason);
		break;
	case S_IFDIR:
		return vhdx_reason_give(reason, -EISDIR,
					"is a directory, not an image");
	default:
		return vhdx_reason_give(reason, -EINVAL,
					"is neither a regular file nor a block device");
	}
	return err;
}

/**
 * vhdx_layer_close() - let go of an image
 * @ti: the target that holds it
 * @layer: as vhdx_layer_open() left it
 */
void vhdx_layer_close(struct dm_target *ti, struct vhdx_layer *layer)
{
	if (layer->backing)
		vhdx_backing_put(layer->backing, ti->table);
	/* After the backing, whose image reads from the device. */
	if (layer->dev)
		dm_put_device(ti, layer->dev);
	kfree(layer->name);
}
