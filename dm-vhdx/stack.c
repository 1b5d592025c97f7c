// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stacking: finds out whether an image lies on the device that is made of it.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/device-mapper.h>
#include <linux/kernfs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "stack.h"

/* Of two tables that are loaded at the same time, one sees the other. */
static DEFINE_MUTEX(stack_lock);
static LIST_HEAD(stacks);

/* Mark of a device whose holders have not been searched. */
#define PILE_NEW	XA_MARK_0

/**
 * struct pile - a device and all devices that lie on it
 * @devices: the devices by number, each with a reference
 * @disks: directory of sysfs with all virtual disks; all devices with slaves
 *	are there
 */
struct pile {
	struct xarray devices;
	struct kernfs_node *disks;
};

static int pile_add(struct pile *pile, struct device *dev)
{
	int err;

	if (!dev->devt || xa_load(&pile->devices, dev->devt))
		return 0;
	err = xa_err(xa_store(&pile->devices, dev->devt, dev, GFP_NOIO));
	if (err)
		return err;
	get_device(dev);
	xa_set_mark(&pile->devices, dev->devt, PILE_NEW);
	return 0;
}

static void pile_free(struct pile *pile)
{
	struct device *dev;
	unsigned long number;

	xa_for_each(&pile->devices, number, dev)
		put_device(dev);
	xa_destroy(&pile->devices);
}

/*
 * Look the disk up by name in a directory that always exists. Pointers in a
 * disk become invalid with del_gendisk(), which nothing here prevents.
 */
static bool has_slave(const struct pile *pile, struct device *disk,
		      struct device *dev)
{
	const char * const path[] = { dev_name(disk), "slaves", dev_name(dev) };
	struct kernfs_node *at = pile->disks, *next;
	unsigned int i;

	kernfs_get(at);
	for (i = 0; i < ARRAY_SIZE(path) && at; i++) {
		next = kernfs_type(at) == KERNFS_DIR ?
			kernfs_find_and_get(at, path[i]) : NULL;
		kernfs_put(at);
		at = next;
	}
	kernfs_put(at);
	return at;
}

static struct device *disk_of(const struct vhdx_stack *stack)
{
	return disk_to_dev(dm_disk(dm_table_get_md(stack->ti->table)));
}

static bool has_image_on(const struct vhdx_stack *stack, dev_t dev)
{
	unsigned int i;

	for (i = 0; i < stack->count; i++)
		if (stack->devs[i] == dev)
			return true;
	return false;
}

/* Search the tables of our own devices, including inactive ones. */
static bool is_ours_on(const struct device *disk, dev_t dev)
{
	const struct vhdx_stack *stack;

	list_for_each_entry(stack, &stacks, node)
		if (disk_of(stack) == disk && has_image_on(stack, dev))
			return true;
	return false;
}

static bool lies_on(const struct pile *pile, struct device *dev,
		    struct device *below)
{
	return dev->parent == below || is_ours_on(dev, below->devt) ||
	       has_slave(pile, dev, below);
}

static int pile_add_those_on(struct pile *pile, struct device *below)
{
	struct class_dev_iter iter;
	struct device *dev;
	int err = 0;

	class_dev_iter_init(&iter, below->class, NULL, NULL);
	while (!err && (dev = class_dev_iter_next(&iter)))
		if (lies_on(pile, dev, below))
			err = pile_add(pile, dev);
	class_dev_iter_exit(&iter);
	return err;
}

/* Return the disk, or NULL. */
static struct device *pile_next(struct pile *pile)
{
	unsigned long number = 0;
	struct device *dev;

	dev = xa_find(&pile->devices, &number, ULONG_MAX, PILE_NEW);
	if (dev)
		xa_clear_mark(&pile->devices, number, PILE_NEW);
	return dev;
}

static int pile_fill(struct pile *pile, struct device *disk)
{
	struct device *dev;
	int err;

	err = pile_add(pile, disk);
	while (!err && (dev = pile_next(pile))) {
		err = pile_add_those_on(pile, dev);
		cond_resched();
	}
	return err;
}

static int refuse_itself(const struct vhdx_stack *stack, dev_t dev)
{
	struct device *disk = disk_of(stack);
	struct pile pile;
	int err;

	if (dev == disk->devt)
		return -ELOOP;
	/* A device without a table has no user yet. */
	if (!device_is_registered(disk))
		return 0;
	xa_init(&pile.devices);
	pile.disks = disk->kobj.parent->sd;
	err = pile_fill(&pile, disk);
	if (!err && xa_load(&pile.devices, dev))
		err = -ELOOP;
	pile_free(&pile);
	return err;
}

/**
 * vhdx_stack_enter() - register a table that has no image yet
 * @stack: stack of the table, all zeros; the caller ends with
 *	vhdx_stack_leave(), also after a failure
 * @ti: the target
 * @images: maximum number of images
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_stack_enter(struct vhdx_stack *stack, struct dm_target *ti,
		     unsigned int images)
{
	stack->devs = kcalloc(images, sizeof(*stack->devs), GFP_KERNEL);
	if (!stack->devs)
		return -ENOMEM;
	stack->ti = ti;
	mutex_lock(&stack_lock);
	list_add(&stack->node, &stacks);
	mutex_unlock(&stack_lock);
	return 0;
}

/**
 * vhdx_stack_put() - add an image, unless it lies on the device of the table
 * @stack: as vhdx_stack_enter() left it, with fewer images than @images there
 * @dev: the device that the image or its file system lies on; 0 if there is
 *	none
 *
 * Context: a constructor, before the image is read.
 * Return: 0, -ELOOP if @dev lies on the device itself, or -ENOMEM.
 */
int vhdx_stack_put(struct vhdx_stack *stack, dev_t dev)
{
	int err = 0;

	mutex_lock(&stack_lock);
	if (dev && !has_image_on(stack, dev)) {
		err = refuse_itself(stack, dev);
		if (!err)
			stack->devs[stack->count++] = dev;
	}
	mutex_unlock(&stack_lock);
	return err;
}

/**
 * vhdx_stack_leave() - unregister a table
 * @stack: as vhdx_stack_enter() left it; or zeroed
 */
void vhdx_stack_leave(struct vhdx_stack *stack)
{
	if (!stack->devs)
		return;
	mutex_lock(&stack_lock);
	list_del(&stack->node);
	mutex_unlock(&stack_lock);
	kfree(stack->devs);
}
