/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies on what: no image may lie on the device that is made from it.
 *
 * It would be read through itself, for ever.  Between the two there may be
 * partitions, other targets of dm, RAID, and further devices of ours.  For each
 * disk of those kinds the block layer keeps the ones below in sysfs, in the
 * directory "slaves"; on which devices our files lie is known here.
 *
 * This is asked when a table is loaded, and answered for that moment: nobody asks
 * us when a device below is made anew, of ours.  The block layer knows nothing of
 * the files of loop devices, nor of more than one device of a file system.
 *
 * stack.c APIs:
 *   vhdx_stack_enter()		a table that has no image yet
 *   vhdx_stack_put()		may it have one that lies there?
 *   vhdx_stack_leave()		it has none any more
 */
#ifndef VHDX_STACK_H
#define VHDX_STACK_H

#include <linux/list.h>
#include <linux/types.h>

struct dm_target;

/**
 * struct vhdx_stack - where the images of a table lie
 * @ti: its target
 * @node: among all tables that have images
 * @devs: the devices that they, or their file systems, lie on; NULL before
 *	vhdx_stack_enter()
 * @count: how many
 */
struct vhdx_stack {
	struct dm_target *ti;
	struct list_head node;
	dev_t *devs;
	unsigned int count;
};

int vhdx_stack_enter(struct vhdx_stack *stack, struct dm_target *ti,
		     unsigned int images);
int vhdx_stack_put(struct vhdx_stack *stack, dev_t dev);
void vhdx_stack_leave(struct vhdx_stack *stack);

#endif /* VHDX_STACK_H */
