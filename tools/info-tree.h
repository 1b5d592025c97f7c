/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open image as a tree, for `info`.
 *
 * info-tree.c APIs:
 *   info_image()	describe an image in full
 *   info_brief()	describe an image in short
 *   info_blocks()	convert a census of blocks to a tree
 *   info_disk()	describe the disk in an image
 *   info_chain()	describe the images of a chain in short
 *   info_type()	name the type of an image
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
