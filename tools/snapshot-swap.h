/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of a snapshot in which the device changes: the table with the child
 * takes the place of the one that writes its parent.
 *
 * snapshot-swap.c APIs:
 *   snapshot_is_live()	does the device write the child?
 *   snapshot_swap()	have the device go on in the child
 */
#ifndef SNAPSHOT_SWAP_H
#define SNAPSHOT_SWAP_H

#include "dmdev.h"

/**
 * struct snapshot_swap - what is to be swapped
 * @dev: the device, as it was before
 * @params: the target's part of the new table line, which is loaded already
 * @child: descriptor of the child
 * @quiesce: file systems come to rest before
 * @again: -ESTALE is no error, for the caller tries again
 * @nsecs: set to how long I/O was held back, at most
 * @stuck: set if the device could not be brought back, or if that is not known:
 *	its live table may have the child
 */
struct snapshot_swap {
	const struct dmdev *dev;
	const char *params;
	int child;
	bool quiesce;
	bool again;
	u64 nsecs;
	bool stuck;
};

int snapshot_is_live(const struct dmdev *dev, int child);
int snapshot_swap(struct snapshot_swap *swap);

#endif /* SNAPSHOT_SWAP_H */
