/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on a device: a file system, a partition table, nothing known.
 *
 * contents.c APIs:
 *   contents_tree()	as a tree
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "tree.h"

struct json_object *contents_tree(const char *path);

#endif /* CONTENTS_H */
