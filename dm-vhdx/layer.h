/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A layer: the reference of a table to an image of its chain.
 *
 * The image itself is a backing, which tables may share. A layer adds what each
 * table has for itself: its own reference to a block device, which keeps the
 * device as long as a table needs it, and the name.
 *
 * layer.c APIs:
 *   vhdx_layer_open()		open the image of a name in the table
 *   vhdx_layer_close()
 */
#ifndef VHDX_LAYER_H
#define VHDX_LAYER_H

#include <linux/types.h>

struct block_device;
struct dm_dev;
struct dm_target;
struct vhdx_backing;
struct vhdx_file;
struct vhdx_file_workers;
struct vhdx_image;
struct vhdx_options;
struct vhdx_reason;
struct vhdx_stack;

/**
 * struct vhdx_layer - one image of a device
 * @bdev: block device to remap bios to; NULL if the image is in a file
 * @file: file for I/O; NULL if the image is on a block device
 * @direct: I/O to the file bypasses the page cache
 * @backing: the image and its store
 * @dev: reference to the block device
 * @name: path of the file when the table was loaded; NULL for a block device
 */
struct vhdx_layer {
	struct block_device *bdev;
	struct vhdx_file *file;
	bool direct;
	struct vhdx_backing *backing;
	struct dm_dev *dev;
	char *name;
};

int vhdx_layer_open(struct vhdx_stack *stack, const char *name, bool write,
		    const struct vhdx_options *options,
		    struct vhdx_file_workers **workers,
		    struct vhdx_layer *layer, struct vhdx_reason *reason);
void vhdx_layer_close(struct dm_target *ti, struct vhdx_layer *layer);

#endif /* VHDX_LAYER_H */
