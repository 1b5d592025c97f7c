/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a merge is to do, and all that can be known before anything changes.
 *
 * A merge of a live device makes images of its own, for what is written
 * meanwhile. The last of them has the name of the child; the child and the others
 * have that name and a number, see merge_plan_side(). If the merge stops, they
 * are in the chain, and another merge takes them for parts of the child.
 *
 * merge-plan.c APIs:
 *   merge_plan_path()	add an image to the chain
 *   merge_plan_add()	all of an open chain
 *   merge_plan_check()	can it be done?
 *   merge_plan_name()	what messages call an image
 *   merge_plan_children()	who would lose a parent?
 *   merge_plan_side()	a name for the child of a live device
 *   merge_plan_tree()	tell of a merge that is done
 *   merge_plan_free()
 */
#ifndef MERGE_PLAN_H
#define MERGE_PLAN_H

#include "merge-copy.h"
#include "vhdxsetup.h"

struct json_object;	/* json-c's */

/**
 * struct merge_plan - a merge that is wanted
 * @options: of the command line
 * @live: a device goes on with the chain
 * @path: of the images of the chain, the child first
 * @depth: how many
 * @into: index of the image that the disk is to be in
 * @name: of that one, if it lies on a block device: how its child names it, or
 *	another name that lasts, if there is one; else NULL
 * @windows: the paths of Windows that its child has for it, and nothing else
 */
struct merge_plan {
	const struct options *options;
	bool live;
	char *path[VHDX_CHAIN_MAX];
	u32 depth;
	u32 into;
	char *name;
	struct vhdx_locator *windows;
};

int merge_plan_path(struct merge_plan *plan, u32 nr, const char *path);
int merge_plan_add(struct merge_plan *plan, const struct disk *disk);
int merge_plan_check(struct merge_plan *plan, struct disk *disk);
const char *merge_plan_name(const struct merge_plan *plan, u32 nr);
int merge_plan_children(const struct merge_plan *plan, const struct disk *disk,
			u32 into, bool done);
char *merge_plan_side(const struct merge_plan *plan);
struct json_object *merge_plan_tree(const struct merge_plan *plan, u32 nr,
				    u32 into,
				    const struct merge_counts *counts);
void merge_plan_free(struct merge_plan *plan);

#endif /* MERGE_PLAN_H */
