/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open image as a tree, for `info`.
 *
 * info-tree.c APIs:
 *   info_image()	all of one image
 *   info_brief()	what most want to know of it
 *   info_blocks()	a census of its blocks
 *   info_disk()	what the disk is that it holds
 *   info_chain()	the images of a chain in short
 *   info_type()	fixed, dynamic or differencing
 */
#ifndef INFO_TREE_H
#define INFO_TREE_H

#include "check.h"
#include "open.h"
#include "tree.h"

struct json_object *info_image(struct layer *layer);
struct json_object *info_disk(const struct vhdx_params *params);
struct json_object *info_brief(struct layer *layer);
struct json_object *info_blocks(const struct vhdx_census *census);
struct json_object *info_chain(const struct disk *disk);
const char *info_type(const struct vhdx_params *params);

#endif /* INFO_TREE_H */
