/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open an image, or a whole chain of them.
 *
 * open.c APIs:
 *   disk_open()	open the image itself
 *   disk_follow()	open its parents and join the chain
 *   disk_unlock()	drop the locks of the child
 *   disk_close()
 */
#ifndef OPEN_H
#define OPEN_H

#include "chain.h"
#include "store-user.h"

/**
 * struct disk_sink - receives the findings about a disk's images
 * @finding: receives one finding about the image at @path
 */
struct disk_sink {
	void (*finding)(struct disk_sink *sink, const char *path,
			const struct vhdx_finding *finding);
};

struct layer;

/**
 * struct disk_options - how to open a disk
 * @sink: receives the findings; outlives the disk
 * @parents: paths that replace those of the locators, the child's parent first
 * @parent_count: number of @parents
 * @parents_anywhere: follow locators out of the child's directory
 * @no_parents: do not look for parents
 * @alone: with @no_parents: join a child without its parent, see
 *	VHDX_CHAIN_ALONE
 * @ignore_id: only warn of a parent that has changed
 * @while_written: only warn of an image that somebody writes, and take no locks
 * @writable: number of images, from the child on, to open for writing
 * @understand: opens the image of the first layer in place of
 *	vhdx_image_open(), and returns what that returns; NULL for none
 * @context: for @understand
 * @lent: a device has the images, and the kernel lends those that are to be
 *	written: take no locks
 */
struct disk_options {
	struct disk_sink *sink;
	const char *const *parents;
	unsigned int parent_count;
	bool parents_anywhere;
	bool no_parents;
	bool ignore_id;
	bool while_written;
	u32 writable;
	bool alone;
	struct vhdx_image *(*understand)(struct layer *layer, void *context);
	void *context;
	bool lent;
};

/**
 * struct layer - one image of a disk
 * @report: passes findings to @sink, with the path
 * @sink: the disk's sink
 * @path: name of @file when it was found, absolute and without symbolic links;
 *	for messages, not to be looked up again
 * @file: store with the image's bytes
 * @image: the engine's image
 */
struct layer {
	struct vhdx_report report;
	struct disk_sink *sink;
	char *path;
	struct user_store file;
	struct vhdx_image *image;
};

/**
 * struct disk - an image and its parents
 * @options: options of the opening
 * @layer: the images, child first
 * @depth: number of open images
 * @chain: the joined images; NULL before disk_follow()
 */
struct disk {
	struct disk_options options;
	struct layer *layer[VHDX_CHAIN_MAX];
	u32 depth;
	struct vhdx_chain *chain;
};

int disk_open(int place, const char *path, const struct disk_options *options,
	      struct disk **opened);
int disk_follow(struct disk *disk);
int disk_unlock(struct disk *disk);
void disk_close(struct disk *disk);

#endif /* OPEN_H */
