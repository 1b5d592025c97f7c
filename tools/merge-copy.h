/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carry down what a child changes, into its parent.
 *
 * merge-copy.c APIs:
 *   merge_look_up()	look up what an image changes in a range
 *   merge_carry()	carry it down, with an image that is being written
 *   merge_copy()	carry it down into the parent, and leave that clean
 *   merge_measure()	how much would it be?
 *   merge_link()		have a child name the identity that its parent will get
 *   merge_fit()		give the parent the size of the child
 */
#ifndef MERGE_COPY_H
#define MERGE_COPY_H

#include "merge-state.h"
#include "open.h"
#include "progress.h"
#include "writer.h"

/**
 * struct merge_counts - what a merge has carried down
 * @data: bytes of data
 * @zeros: bytes that are zeros
 */
struct merge_counts {
	u64 data;
	u64 zeros;
};

/**
 * struct merge_load - what is to be carried
 * @disk: the image whose changes are carried down, and its parents
 * @writer: writes the image that gets them
 * @size: bytes of the disk of that image
 * @progress: shown meanwhile; NULL to show none and to heed no signal
 * @state: told how far it is; or NULL
 * @rate: bytes a second at most; 0 for no limit
 * @counts: what was carried is added to them
 * @waited: nanoseconds that were waited for the sake of @rate are added to it
 */
struct merge_load {
	struct disk *disk;
	struct writer *writer;
	u64 size;
	struct progress *progress;
	struct merge_state *state;
	u64 rate;
	struct merge_counts *counts;
	u64 waited;
};

int merge_look_up(const struct disk *disk, u64 pos, u64 len,
		  struct vhdx_run *run);
int merge_carry(struct merge_load *load);
int merge_copy(struct disk *disk, const guid_t *identity, u64 rate,
	       struct progress *progress, struct merge_counts *counts);
int merge_measure(const struct disk *disk, u64 *data);
int merge_link(const struct disk *disk, const guid_t *identity);
int merge_fit(const struct disk *disk, u32 layer, u64 size,
	      const guid_t *identity);

#endif /* MERGE_COPY_H */
