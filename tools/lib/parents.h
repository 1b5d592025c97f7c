/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where is the parent? A locator holds paths as Windows writes them; this
 * finds the file that they mean on Linux.
 *
 * Looked at in this order: the relative path from the child's directory, then
 * the file names of the relative, volume and absolute path beside the child.
 * Where no name matches to the letter, one that differs only in case does, for
 * Windows does not tell them apart.
 *
 * parents.c APIs:
 *   parent_find()	find the parent's path
 */
#ifndef PARENTS_H
#define PARENTS_H

#include "locator.h"

char *parent_find(const struct vhdx_locator *locator, const char *child);

#endif /* PARENTS_H */
