/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the parts of a child while it is merged and a device goes on with it:
 * the child's own name, a word and a number.
 *
 * side.h APIs:
 *   is_side()	is it the name of such a part?
 */
#ifndef SIDE_H
#define SIDE_H

#include "env.h"

#define SIDE_WORD	".merge-"

/**
 * is_side() - is it the name of such a part?
 * @path: of a file
 * @child: path of the child, in the same form
 *
 * Return: true if so.
 */
static inline bool is_side(const char *path, const char *child)
{
	size_t length = strlen(child);

	if (strncmp(path, child, length))
		return false;
	path += length;
	if (strncmp(path, SIDE_WORD, strlen(SIDE_WORD)))
		return false;
	path += strlen(SIDE_WORD);
	return *path && !path[strspn(path, "0123456789")];
}

#endif /* SIDE_H */
