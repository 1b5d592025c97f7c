/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where is the parent? A locator holds paths as Windows writes them; this
 * finds the file that they mean on Linux.
 *
 * Looked at in this order: the relative path from the child's directory; the
 * file names of the relative, volume and absolute path beside the child; every
 * file beside the child. The first that has the identity is taken. A name to
 * the letter comes before one that only name_like() finds.
 *
 * parents.c APIs:
 *   parent_find()	find the parent's path
 */
#ifndef PARENTS_H
#define PARENTS_H

#include "locator.h"

int parent_find(const struct vhdx_locator *locator, const char *child,
		bool any_identity, char **found);

#endif /* PARENTS_H */
