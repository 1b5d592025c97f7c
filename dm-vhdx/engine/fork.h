/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new child takes from its parent: the identity and the sector size of
 * the virtual disk, and the metadata items that describe the disk and not the
 * file ([MS-VHDX] 2.6.1.2). The child adds the locator that names the parent.
 *
 * fork.c APIs:
 *   vhdx_fork_init()	read what a child takes from its parent
 *   vhdx_fork_init_same()	read what an empty child in the place of another keeps
 *   vhdx_fork_exit()
 */
#ifndef VHDX_FORK_H
#define VHDX_FORK_H

#include "image.h"

/**
 * struct vhdx_fork - the metadata of a child that its parent decides
 * @params: the parent's virtual disk
 * @replaces: it takes the place of an image, and keeps all of its items
 * @identity: its DataWriteGuid then; else it gets one of its own
 * @locator: the parent locator item
 * @locator_length: bytes
 * @items: the items that travel, except for the five that every image has;
 *	their offsets count from the start of @values
 * @item_count: number of items
 * @values: the values of @items
 * @values_length: bytes
 */
struct vhdx_fork {
	struct vhdx_params params;
	bool replaces;
	guid_t identity;
	void *locator;
	u32 locator_length;
	struct vhdx_item *items;
	u32 item_count;
	u8 *values;
	u32 values_length;
};

int vhdx_fork_init(struct vhdx_fork *fork, struct vhdx_image *parent,
		   const struct vhdx_locator *locator,
		   struct vhdx_report *report);
int vhdx_fork_init_same(struct vhdx_fork *fork, struct vhdx_image *child,
			const struct vhdx_locator *locator,
			struct vhdx_report *report);
void vhdx_fork_exit(struct vhdx_fork *fork);

#endif /* VHDX_FORK_H */
