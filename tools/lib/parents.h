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
 * The paths are a stranger's words. So nothing is looked at that is not beneath
 * the child's directory, unless the user asks for it, and nothing is said of a
 * file that is not the parent, but that it is not.
 *
 * parents.c APIs:
 *   parent_find()	find the parent
 */
#ifndef PARENTS_H
#define PARENTS_H

#include "locator.h"
#include "store-user.h"

/**
 * struct parent_wanted - whose parent is looked for, and how
 * @locator: of the child
 * @child: the child's file
 * @path: its name, from place_name()
 * @any_identity: a file of the right name is enough
 * @anywhere: the relative path is followed wherever it leads
 */
struct parent_wanted {
	const struct vhdx_locator *locator;
	const struct user_store *child;
	const char *path;
	bool any_identity;
	bool anywhere;
};

int parent_find(const struct parent_wanted *wanted, int *place);

#endif /* PARENTS_H */
