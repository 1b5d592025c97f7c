/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two virtual disks, read side by side.
 *
 * contrast.c APIs:
 *   contrast_begin()	prepare to read two disks
 *   contrast_end()
 *   contrast_walk()	visit the ranges that differ
 */
#ifndef CONTRAST_H
#define CONTRAST_H

#include "chain.h"
#include "check.h"

/**
 * struct contrast_side - one of the disks
 * @chain: images of the disk
 * @name: name of the disk in messages
 * @heard: set when the engine has found a fault in one of its images
 * @buffer: receives bytes of the disk
 */
struct contrast_side {
	const struct vhdx_chain *chain;
	const char *name;
	const bool *heard;
	u8 *buffer;
};

/**
 * struct contrast - two disks
 * @side: the disks; past the end of the smaller one are zeros
 * @unit: granularity of differences in bytes, a power of two
 * @total: total bytes for the progress
 * @progress: told of the walk, and may stop it; NULL for none
 * @visit: called for each range that differs, in order; nonzero ends the walk
 */
struct contrast {
	struct contrast_side side[2];
	u32 unit;
	u64 total;
	struct vhdx_progress *progress;
	int (*visit)(struct contrast *contrast, u64 pos, u64 length);
};

int contrast_begin(struct contrast *contrast);
void contrast_end(struct contrast *contrast);
int contrast_walk(struct contrast *contrast, u64 pos, u64 length);

#endif /* CONTRAST_H */
