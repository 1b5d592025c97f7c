/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The partitions of a device as a tree, for `status`.
 *
 * partition-tree.c APIs:
 *   partition_tree()	list the partitions, with contents and names
 */
#ifndef PARTITION_TREE_H
#define PARTITION_TREE_H

#include "dmdev.h"
#include "tree.h"

int partition_tree(const struct dmdev *dev, int fd, struct json_object **list);

#endif /* PARTITION_TREE_H */
