/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The swap of tables in a snapshot: the table with the child replaces the one
 * that writes its parent. Or in a growth: a longer table replaces the live one.
 *
 * snapshot-swap.c APIs:
 *   snapshot_is_live()	test whether the device writes the child
 *   snapshot_swap()	have the device continue in the child
 */
#ifndef SNAPSHOT_SWAP_H
#define SNAPSHOT_SWAP_H

#include "dmdev.h"

/**
 * struct snapshot_swap - a swap of tables
 * @dev: the device, as it was before
 * @params: the target's part of the new table line, which is loaded
 * @child: descriptor of the child
 * @grows: the new table is longer, and has the same images; there is no child
 * @quiesce: freeze file systems before the swap
 * @again: print no message for -ESTALE, because the caller tries again
 * @undo: called before the old table is loaded again; or NULL
 * @context: argument of @undo
 * @nsecs: set to an upper bound of the time that I/O was held back
 * @stuck: set if the old table could not be restored, or if that is unknown:
 *	the live table may have the child
 */
struct snapshot_swap {
	const struct dmdev *dev;
	const char *params;
	int child;
	bool grows;
	bool quiesce;
	bool again;
	void (*undo)(void *context);
	void *context;
	u64 nsecs;
	bool stuck;
};

int snapshot_is_live(const struct dmdev *dev, int child);
int snapshot_swap(struct snapshot_swap *swap);

#endif /* SNAPSHOT_SWAP_H */
