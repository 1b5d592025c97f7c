/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The swap of tables: a loaded one becomes live. In a snapshot, the table with
 * the child replaces the one that writes its parent; in a growth, a longer table
 * replaces the live one; in a compaction, the same table does, so that the session
 * of its image ends.
 *
 * table-swap.c APIs:
 *   table_swap_is_live()	test whether the device writes the child
 *   table_swap()		have the device continue with the loaded table
 */
#ifndef TABLE_SWAP_H
#define TABLE_SWAP_H

#include "dmdev.h"

/**
 * struct table_swap - a swap of tables
 * @dev: the device, as it was before
 * @child: descriptor of the child
 * @grows: the new table is longer, and has the same images; there is no child
 * @renews: the new table is the same; there is no child
 * @quiesce: freeze file systems before the swap
 * @again: print no message for -ESTALE, because the caller tries again
 * @undo: called before the old table is loaded again; or NULL
 * @context: argument of @undo
 * @nsecs: set to an upper bound of the time that I/O was held back
 * @stuck: set if the old table could not be restored, or if that is unknown:
 *	the live table may have the child
 */
struct table_swap {
	const struct dmdev *dev;
	int child;
	bool grows;
	bool renews;
	bool quiesce;
	bool again;
	void (*undo)(void *context);
	void *context;
	u64 nsecs;
	bool stuck;
};

int table_swap_is_live(const struct dmdev *dev, int child);
int table_swap(struct table_swap *swap);

#endif /* TABLE_SWAP_H */
