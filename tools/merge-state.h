/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others see of the merge of a device: how far it is, or why it ended.
 *
 * It is in the file that device_lock() locks, as JSON. The process that merges has
 * another lock of that file, by which a reader knows that the file is not left over
 * from a process that was killed. The file names the disk by the kernel's sequence
 * number, since another device may have its number later.
 *
 * merge-state.c APIs:
 *   merge_state_begin()	let others see a merge
 *   merge_state_tell()		and how far it is
 *   merge_state_end()		it has ended
 *   merge_state_look()		find out about the merge of a device
 */
#ifndef MERGE_STATE_H
#define MERGE_STATE_H

#include <sys/types.h>

#include "dmdev.h"
#include "tree.h"

/**
 * struct merge_state - a merge under way
 * @lock: from device_lock()
 * @disk: sequence number of the device's disk
 * @phase: what it does, a word: "starting", "copying", "changing-over", "stopped"
 * @into: path of the image that it goes into
 * @round: how often the device went on in a new child
 * @done: bytes of data that were copied so far
 * @total: how many it is known to be
 * @began: when @phase began, as clock_nsecs() has it
 * @before: @done at that time
 * @told: when it was told last
 */
struct merge_state {
	int lock;
	u64 disk;
	const char *phase;
	const char *into;
	u32 round;
	u64 done;
	u64 total;
	u64 began;
	u64 before;
	u64 told;
};

/**
 * struct merge_seen - what is known of the merge of a device
 * @tree: its members, for tree_free(); NULL if there is none
 * @process: number of the process that merges, or 0 if none does any more
 */
struct merge_seen {
	struct json_object *tree;
	pid_t process;
};

int merge_state_begin(struct merge_state *state, const struct dmdev *dev);
void merge_state_tell(struct merge_state *state, const char *phase);
void merge_state_end(struct merge_state *state, const char *why);
void merge_state_look(const struct dmdev *dev, struct merge_seen *seen);

#endif /* MERGE_STATE_H */
