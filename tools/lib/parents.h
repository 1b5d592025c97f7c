/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The search for a parent. A locator holds paths as Windows writes them; this
 * finds the file that they mean on Linux.
 *
 * The search tries, in this order: the relative path from the child's
 * directory; the file names of the relative, volume and absolute path beside
 * the child; every file beside the child. It takes the first file with the
 * identity. An exact name comes before one that only name_like() matches.
 *
 * The paths come from a stranger. So the search stays beneath the child's
 * directory, unless the user asks for more, and messages say nothing of a file
 * that is not the parent except that it does not match.
 *
 * parents.c APIs:
 *   parent_find()	find the parent
 *   parent_look()	say where it is, or why it is not found
 */
#ifndef PARENTS_H
#define PARENTS_H

#include "locator.h"
#include "store-user.h"

/**
 * struct parent_wanted - a parent to search for
 * @locator: the child's locator
 * @child: the child's file
 * @path: name of @child, from place_name()
 * @any_identity: accept a file with the right name and another identity
 * @anywhere: follow a relative path out of the child's directory
 */
struct parent_wanted {
	const struct vhdx_locator *locator;
	const struct user_store *child;
	const char *path;
	bool any_identity;
	bool anywhere;
};

/**
 * enum parent_fate - what comes of a search for a parent
 * @PARENT_NAMED: it is where the locator says
 * @PARENT_RENAMED: a file beside the child has the identity
 * @PARENT_TWICE: so have several
 * @PARENT_OUTSIDE: the locator leads to where nothing is looked for
 * @PARENT_NOWHERE: it is not known where the child lies
 * @PARENT_OTHER: what has the name has another identity
 * @PARENT_MISSING: there is none
 */
enum parent_fate {
	PARENT_NAMED,
	PARENT_RENAMED,
	PARENT_TWICE,
	PARENT_OUTSIDE,
	PARENT_NOWHERE,
	PARENT_OTHER,
	PARENT_MISSING,
};

int parent_find(const struct parent_wanted *wanted, int *place);
enum parent_fate parent_look(const struct parent_wanted *wanted, int *place);

#endif /* PARENTS_H */
