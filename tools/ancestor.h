/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which image of a chain a path names.
 *
 * ancestor.c APIs:
 *   ancestor_find()	the place of a path among the parents of an image
 */
#ifndef ANCESTOR_H
#define ANCESTOR_H

#include "open.h"

int ancestor_find(const struct disk *disk, const char *path, u32 *nr);

#endif /* ANCESTOR_H */
