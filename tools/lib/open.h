/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open an image, or a whole chain of them.
 *
 * open.c APIs:
 *   disk_open()	open the image itself
 *   disk_follow()	open its parents and join the chain
 *   disk_unlock()	give the child's file back
 *   disk_close()
 */
#ifndef OPEN_H
#define OPEN_H

#include "chain.h"
#include "store-user.h"

/**
 * struct disk_sink - who hears what the engine finds
 * @finding: takes one finding about the image at @path
 */
struct disk_sink {
	void (*finding)(struct disk_sink *sink, const char *path,
			const struct vhdx_finding *finding);
};

/**
 * struct disk_options - how to open
 * @sink: hears the findings; outlives the disk
 * @parents: paths to use in place of the locators', child's parent first
 * @parent_count: how many
 * @parents_anywhere: a locator is followed wherever it leads
 * @no_parents: none is looked for
 * @ignore_id: a parent that changed since is only warned of
 * @while_written: an image that somebody writes is only warned of, and nobody is
 *	kept from writing
 * @writable: how many images, from the child on, are to be written
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
};

/**
 * struct layer - one image of a disk
 * @report: hands findings on to @sink, with the path
 * @sink: the disk's
 * @path: the name that @file had when it was found, absolute and without
 *	symbolic links: for people, not to be looked up again
 * @file: its bytes
 * @image: what the engine made of them
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
 * @options: how it was opened
 * @layer: the images, child first
 * @depth: how many are open
 * @chain: all of them joined; NULL before disk_follow()
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
