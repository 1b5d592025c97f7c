// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layers: the images of a table, opened and closed.
 */
#include <linux/blkdev.h>
#include <linux/dcache.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/slab.h>

#include "backing.h"
#include "compat.h"
#include "layer.h"
#include "reason.h"
#include "stack.h"
#include "table.h"

/**
 * struct place - the file or device that a name in the table stands for
 * @path: result of the only lookup of the name. A second one could find another
 *	file, if somebody may write to one of the directories.
 * @found: @path is held; otherwise the name is the number of a device
 * @type: S_IF*
 * @dev: number of the device, if it is one
 */
struct place {
	struct path path;
	bool found;
	umode_t type;
	dev_t dev;
};

static bool is_device_number(const char *name, dev_t *dev)
{
	unsigned int major, minor;
	char junk;

	if (sscanf(name, "%u:%u%c", &major, &minor, &junk) != 2)
		return false;
	*dev = MKDEV(major, minor);
	return true;
}

/* Look the name up without opening: opening a FIFO or a tape has effects. */
static int find_place(const char *name, struct place *place,
		      struct vhdx_reason *reason)
{
	const struct inode *inode;
	int err;

	place->type = S_IFBLK;
	if (is_device_number(name, &place->dev))
		return 0;
	err = kern_path(name, LOOKUP_FOLLOW, &place->path);
	if (err)
		return vhdx_reason_give(reason, err,
					"cannot be found: %s (%d)",
					vhdx_errno_words(err), err);
	place->found = true;
	inode = d_backing_inode(place->path.dentry);
	place->type = inode->i_mode & S_IFMT;
	place->dev = inode->i_rdev;
	return 0;
}

/*
 * Return the path as the caller sees it, for a table line that can be reused.
 */
static char *absolute_path(const struct path *path)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	char *name, *copy;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	name = d_path(path, buf, PATH_MAX);
	copy = IS_ERR(name) ? name : kstrdup(name, GFP_KERNEL);
	kfree(buf);
	return copy ?: ERR_PTR(-ENOMEM);
}

/* A name such as /proc/self/fd/3 would be useless in the log. */
static int name_file(const struct place *place, struct vhdx_claim *claim,
		     struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	char *name;

	if (place->type != S_IFREG)
		return 0;
	name = absolute_path(&place->path);
	if (IS_ERR(name))
		return PTR_ERR(name);
	layer->name = name;
	reason->image = name;
	claim->name = name;
	return 0;
}

/* The data of a file of overlayfs is on the device of the underlying file. */
static dev_t device_below(const struct place *place)
{
	const struct block_device *bdev;

	if (place->type == S_IFBLK)
		return place->dev;
	bdev = d_real_inode(place->path.dentry)->i_sb->s_bdev;
	return bdev ? bdev->bd_dev : 0;
}

static int open_file(const struct vhdx_options *options,
		     const struct place *place, struct vhdx_claim *claim,
		     struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	struct vhdx_backing *backing;
	struct file *filp;

	filp = vhdx_file_open(&place->path, claim->write, reason);
	if (IS_ERR(filp))
		return PTR_ERR(filp);
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

/* The kernel checks this when it opens a device by path, but not by number. */
static bool forbids_devices(const struct path *path)
{
	return path->mnt->mnt_flags & MNT_NODEV ||
	       path->mnt->mnt_sb->s_iflags & SB_I_NODEV;
}

static int claim_place(struct dm_target *ti, const struct place *place,
		       const struct vhdx_claim *claim, struct dm_dev **dev)
{
	char number[16];

	if (place->found && forbids_devices(&place->path))
		return -EACCES;
	snprintf(number, sizeof(number), "%u:%u", MAJOR(place->dev),
		 MINOR(place->dev));
	return dm_get_device(ti, place->found ? number : claim->name,
			     claim->write ? BLK_OPEN_READ | BLK_OPEN_WRITE :
					    BLK_OPEN_READ, dev);
}

static int claim_device(struct dm_target *ti, const struct place *place,
			const struct vhdx_claim *claim,
			struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	int err = claim_place(ti, place, claim, &layer->dev);

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

static int open_bdev(struct dm_target *ti, const struct place *place,
		     struct vhdx_claim *claim, struct vhdx_layer *layer,
		     struct vhdx_reason *reason)
{
	struct vhdx_backing *backing;
	int err;

	err = claim_device(ti, place, claim, layer, reason);
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

static int open_place(struct vhdx_stack *stack, const struct place *place,
		      struct vhdx_claim *claim,
		      const struct vhdx_options *options,
		      struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	int err;

	switch (place->type) {
	case S_IFREG:
	case S_IFBLK:
		break;
	case S_IFDIR:
		return vhdx_reason_give(reason, -EISDIR,
					"is a directory, not an image");
	default:
		return vhdx_reason_give(reason, -EINVAL,
					"is neither a regular file nor a block device");
	}
	err = name_file(place, claim, layer, reason);
	if (err)
		return err;
	err = vhdx_stack_put(stack, device_below(place));
	if (err == -ELOOP)
		return vhdx_reason_give(reason, err,
					"lies on the very device that would be made from it");
	if (err)
		return err;
	return place->type == S_IFREG ?
		open_file(options, place, claim, layer, reason) :
		open_bdev(stack->ti, place, claim, layer, reason);
}

/**
 * vhdx_layer_open() - open an image that the table names
 * @stack: stack of the table, whose target is under construction
 * @name: path, or major:minor
 * @write: open the image for writing
 * @options: features of the table
 * @workers: workqueues of the table, see vhdx_file_workers_get()
 * @layer: the layer, all zeros; the caller closes it, also after a failure
 * @reason: receives the error message
 *
 * Context: a constructor, with the credentials of the process that loads the
 * table.
 * Return: 0 or a negative errno.
 */
int vhdx_layer_open(struct vhdx_stack *stack, const char *name, bool write,
		    const struct vhdx_options *options,
		    struct vhdx_file_workers **workers,
		    struct vhdx_layer *layer, struct vhdx_reason *reason)
{
	struct vhdx_claim claim = {
		.name = name,
		.md = dm_table_get_md(stack->ti->table),
		.table = stack->ti->table,
		.workers = workers,
		.write = write,
	};
	struct place place = {};
	int err;

	reason->image = name;
	err = find_place(name, &place, reason);
	if (!err)
		err = open_place(stack, &place, &claim, options, layer,
				 reason);
	if (place.found)
		path_put(&place.path);
	return err;
}

/**
 * vhdx_layer_close() - release an image
 * @ti: the target that holds it
 * @layer: as vhdx_layer_open() left it
 */
void vhdx_layer_close(struct dm_target *ti, struct vhdx_layer *layer)
{
	if (layer->backing)
		vhdx_backing_put(layer->backing, ti->table);
	/* The device goes after the backing, whose image reads from it. */
	if (layer->dev)
		dm_put_device(ti, layer->dev);
	kfree(layer->name);
}
