/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on a device: a file system, a partition table and what its partitions
 * hold, nothing known.
 *
 * contents.c APIs:
 *   contents_open()		open the device to look at it
 *   contents_tree()		what it holds as a whole
 *   contents_partitions()	its partitions, and what they hold
 *   contents_partition()	one that is at a place
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "tree.h"

int contents_open(const char *path);
struct json_object *contents_tree(int fd);
struct json_object *contents_partitions(int fd);
struct json_object *contents_partition(int fd, u64 start, u64 size);

#endif /* CONTENTS_H */
