/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backings: one for each image in use, which all tables that name it share.
 *
 * A table that is loaded over a live one finds the image open, with its
 * metadata in memory. The last table that drops its reference closes the image.
 * registry.h says who may have which.
 *
 * backing.c APIs:
 *   vhdx_backing_get_file()	find or open the image in a file
 *   vhdx_backing_get_bdev()	find or open the image on a block device
 *   vhdx_backing_put()		drop a reference to an image
 *   vhdx_backing_lend()	let a program merge into it
 *   vhdx_backing_recall()	no more
 *   vhdx_backing_set_cache()	bound its metadata pages
 *   vhdx_backing_failed()	find out why I/O may have failed
 */
#ifndef VHDX_BACKING_H
#define VHDX_BACKING_H

#include "registry.h"

struct block_device;
struct file;

struct vhdx_backing *vhdx_backing_get_file(struct file *filp,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason);
struct vhdx_backing *vhdx_backing_get_bdev(struct block_device *bdev,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason);
void vhdx_backing_put(struct vhdx_backing *backing,
		      const struct dm_table *table);
int vhdx_backing_lend(struct vhdx_backing *backing,
		      const struct mapped_device *md);
int vhdx_backing_recall(struct vhdx_backing *backing);
void vhdx_backing_failed(struct vhdx_backing *backing);
void vhdx_backing_set_cache(struct vhdx_backing *backing, unsigned int kib);

#endif /* VHDX_BACKING_H */
