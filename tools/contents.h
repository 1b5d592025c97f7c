/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contents of a device: a file system, or a partition table and what its
 * partitions hold, as libblkid finds them.
 *
 * contents.c APIs:
 *   contents_open()		open a device to probe its contents
 *   contents_tree()		find out what the device holds
 *   contents_partitions()	list its partitions, and what they hold
 *   contents_partition()	find out what a partition holds
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "tree.h"

int contents_open(const char *path);
struct json_object *contents_tree(int fd);
struct json_object *contents_partitions(int fd);
struct json_object *contents_partition(int fd, u64 start, u64 size);

#endif /* CONTENTS_H */
