/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backings: each image that is in use, once, however many tables name it.
 *
 * A table that is loaded over a live one, as a reload does, finds the image
 * open and its metadata in memory. Backings are kept in a registry by inode or
 * block device; the last table that lets go closes the image.
 *
 * An image that is written belongs to one device, whose tables may share it, each
 * in one mode. One that is read may be shared by all that read it.
 *
 * backing.c APIs:
 *   vhdx_backing_get_file()	find or open the image in a file
 *   vhdx_backing_get_bdev()	find or open the image on a block device
 *   vhdx_backing_put()		let go of it
 *   vhdx_backing_set_cache()	bound its metadata pages
 *   vhdx_backing_failed()	look why I/O may have failed
 *   vhdx_backing_resident()	metadata pages of all images
 *   vhdx_backing_shrink()	give some of them up
 */
#ifndef VHDX_BACKING_H
#define VHDX_BACKING_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/refcount.h>

#include "engine/image.h"
#include "store/bdev.h"
#include "store/file.h"

struct dm_table;
struct mapped_device;
struct vhdx_committer;
struct vhdx_reason;

/**
 * struct vhdx_backing - an image in use
 * @file: its store, if @is_file
 * @bdev: its store, if not
 * @is_file: which of the two it is
 * @image: open while the backing is in the registry, but for the time until
 *	@opened
 * @report: for what is found wrong in the image later on
 * @name: of the file or device, for the log
 * @writer: the device that it belongs to, NULL if it is only read
 * @table: the last table that took it to read, and the last one to write; only
 *	to be compared
 * @committer: and its committer
 * @key: its inode or block device, by which it is found
 * @real: the inode that has the data, if @key is one of an overlay; otherwise @key
 * @node: in the registry
 * @users: tables that hold it
 * @opened: @image is open, or @error says why not
 * @cut: that the store was cut has been said
 * @error: negative errno, or 0
 */
struct vhdx_backing {
	union {
		struct vhdx_file file;
		struct vhdx_bdev bdev;
	};
	bool is_file;
	struct vhdx_image *image;
	struct vhdx_report report;
	char *name;
	const struct mapped_device *writer;
	const struct dm_table *table[2];
	struct vhdx_committer *committer;
	const void *key;
	const void *real;
	struct list_head node;
	refcount_t users;
	struct completion opened;
	bool cut;
	int error;
};

/**
 * struct vhdx_claim - who wants an image, and for what
 * @name: of the image, for the log
 * @md: the device
 * @table: its table that is made
 * @workers: of that table, for files that it opens
 * @write: to write to it
 */
struct vhdx_claim {
	const char *name;
	const struct mapped_device *md;
	const struct dm_table *table;
	struct vhdx_file_workers **workers;
	bool write;
};

struct vhdx_backing *vhdx_backing_get_file(struct file *filp,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason);
struct vhdx_backing *vhdx_backing_get_bdev(struct block_device *bdev,
					   const struct vhdx_claim *claim,
					   struct vhdx_reason *reason);
void vhdx_backing_put(struct vhdx_backing *backing,
		      const struct dm_table *table);
void vhdx_backing_failed(struct vhdx_backing *backing);
void vhdx_backing_set_cache(struct vhdx_backing *backing, unsigned int kib);
unsigned long vhdx_backing_resident(void);
unsigned long vhdx_backing_shrink(unsigned long count);

#endif /* VHDX_BACKING_H */
