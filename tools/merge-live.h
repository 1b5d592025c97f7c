/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merging while a device goes on with the child.
 *
 * The device goes on in a new child, again and again, so that what it has written
 * so far is at rest and can be carried down as offline. Each of them is smaller
 * than the one before. The last one is carried down while the device waits, and
 * then the device goes on in what everything was merged into.
 *
 * The kernel lends the images that change, see dm-vhdx/backing.h.
 *
 * merge-live.c APIs:
 *   merge_live()	merge the child of a device
 *   merge_carry_one()	carry down what one image changes
 * merge-lend.c APIs:
 *   merge_lend()	have the kernel lend an image
 *   merge_recall()	and take it back
 *   merge_open()	open images that a device has
 * merge-last.c APIs:
 *   merge_last()	carry down the rest, and change the device over
 */
#ifndef MERGE_LIVE_H
#define MERGE_LIVE_H

#include "merge-copy.h"
#include "merge-plan.h"
#include "merge-state.h"

/**
 * struct merge_file - a file that was carried down, or what it went into
 * @dev: of its file system, or the block device
 * @ino: its inode; 0 for a block device
 */
struct merge_file {
	dev_t dev;
	ino_t ino;
};

/**
 * struct merge_live - a merge under way
 * @plan: what is merged; its first image is the one that the device writes
 * @name: of the device
 * @on_device: what is merged into is on a block device
 * @target: the image that is merged into, alone; NULL if it is not open
 * @writer: writes it
 * @writing: @writer is in use
 * @identity: DataWriteGuid of the target
 * @size: bytes of the device's disk, which the target gets
 * @max_pause: nanoseconds that the device may wait at the end
 * @progress: shown meanwhile
 * @state: what others see of it
 * @counts: what was carried down so far
 * @file: what was carried down, by how far it was above the target, which is
 *	the first
 * @carried: how many images above the target that are
 * @copied: bytes of data, and
 * @nsecs: how long they took, as far as known
 * @rounds: new children so far
 * @pause: longest time that the device waited, in nanoseconds
 * @stuck: the device does not go on as before, which has been said
 */
struct merge_live {
	struct merge_plan plan;
	const char *name;
	bool on_device;
	struct disk *target;
	struct writer writer;
	bool writing;
	guid_t identity;
	u64 size;
	u64 max_pause;
	struct progress progress;
	struct merge_state state;
	struct merge_counts counts;
	struct merge_file file[VHDX_CHAIN_MAX];
	u32 carried;
	u64 copied;
	u64 nsecs;
	u32 rounds;
	u64 pause;
	bool stuck;
};

int merge_live(const struct options *options, const char *name);
int merge_carry_one(struct merge_live *live, struct disk *disk, bool paused);

int merge_lend(const struct merge_live *live, u32 nr);
void merge_recall(const struct merge_live *live, u32 nr);
int merge_open(const struct merge_plan *plan, u32 nr, u32 writable,
	       struct disk_sink *sink, struct disk **opened);

int merge_last(struct merge_live *live);

#endif /* MERGE_LIVE_H */
