/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry of backings: who may have which image. It has each image in use, by
 * inode or by block device. Nobody does I/O under its lock.
 *
 * An image that is written belongs to one device. Tables of this device may
 * share it, but a table may not both read and write it. Any number of devices
 * may share an image that they only read.
 *
 * An image that a device alone reads may be lent, to a program that merges into
 * it. What is in memory of it is old then. So a table of that device which is to
 * write the image has a backing of its own, the heir of the one that is lent. If
 * the heir goes first, because its table never became live, all is as before.
 *
 * registry.c APIs:
 *   vhdx_registry_enter()	find the backing of an image, or enter a new one
 *   vhdx_registry_leave()	take a backing out that could not be opened
 *   vhdx_registry_drop()	drop a table's reference
 *   vhdx_registry_publish()	let the shrinker see an open image
 *   vhdx_registry_succeed()	note that a backing has an heir
 *   vhdx_registry_lend()	let no other device have an image
 *   vhdx_registry_unlend()	undo that
 *   vhdx_registry_resident()	count the metadata pages of all images
 *   vhdx_registry_shrink()	free some of them
 */
#ifndef VHDX_REGISTRY_H
#define VHDX_REGISTRY_H

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
 * @is_file: the image is in a file, not on a block device
 * @image: the open image; NULL before @opened
 * @report: receives the findings of the open image
 * @name: name of the file or device, for the log
 * @writer: device that writes the image; NULL if it is only read
 * @table: last tables that claimed the image, to read and to write it; compared
 *	and never dereferenced
 * @committer: committer of the image; NULL if it is only read
 * @key: inode or block device that identifies the image
 * @real: the inode that has the data, if @key is an overlay's; otherwise @key
 * @node: entry in the registry
 * @users: number of tables that hold the image
 * @lender: device that has lent the image, or did once; NULL if none
 * @on_loan: a program may write the block device; who writes a file is counted there
 * @heir: another backing of the image shares its locks, which a file has
 * @before: backing whose locks this one is to share, held until it does; or NULL
 * @opened: completed when @image is open, or when @error says why not
 * @cut: a cut of the store has been reported
 * @error: negative errno of the opening, or 0
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
	const struct mapped_device *lender;
	bool on_loan;
	bool heir;
	struct vhdx_backing *before;
	struct completion opened;
	bool cut;
	int error;
};

/**
 * struct vhdx_claim - a table's claim to an image
 * @name: name of the image, for the log
 * @md: the device
 * @table: the device's table under construction
 * @workers: workers that the files of this table share
 * @write: the table writes the image
 */
struct vhdx_claim {
	const char *name;
	const struct mapped_device *md;
	const struct dm_table *table;
	struct vhdx_file_workers **workers;
	bool write;
};

struct vhdx_backing *vhdx_registry_enter(struct vhdx_backing *fresh,
					 const struct vhdx_claim *claim,
					 struct vhdx_reason *reason);
void vhdx_registry_leave(struct vhdx_backing *backing);
bool vhdx_registry_drop(struct vhdx_backing *backing,
			const struct dm_table *table);
void vhdx_registry_publish(struct vhdx_backing *backing,
			   struct vhdx_image *image);
void vhdx_registry_succeed(struct vhdx_backing *before);
int vhdx_registry_lend(struct vhdx_backing *backing,
		       const struct mapped_device *md);
void vhdx_registry_unlend(struct vhdx_backing *backing);
unsigned long vhdx_registry_resident(void);
unsigned long vhdx_registry_shrink(unsigned long count);

#endif /* VHDX_REGISTRY_H */
