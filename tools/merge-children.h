/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * After a merge, the children of the merged image lie over its parent.
 *
 * merge-children.c APIs:
 *   merge_children_check()	can they?
 *   merge_children_move()	have them name the parent
 */
#ifndef MERGE_CHILDREN_H
#define MERGE_CHILDREN_H

#include "open.h"
#include "vhdxsetup.h"

int merge_children_check(const struct options *options,
			 const struct disk *disk, bool done);
int merge_children_move(const struct options *options,
			const struct disk *disk);

#endif /* MERGE_CHILDREN_H */
