/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image of a chain that a path names.
 *
 * ancestor.c APIs:
 *   ancestor_find()	find an image among the parents of another one
 */
#ifndef ANCESTOR_H
#define ANCESTOR_H

#include "open.h"

int ancestor_find(const struct disk *disk, const char *path, u32 *nr);

#endif /* ANCESTOR_H */
