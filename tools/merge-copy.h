/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carry down what a child changes, into its parent.
 *
 * merge-copy.c APIs:
 *   merge_copy()	copy it
 */
#ifndef MERGE_COPY_H
#define MERGE_COPY_H

#include "open.h"
#include "progress.h"

/**
 * struct merge_counts - what a merge has carried down
 * @data: bytes of data
 * @zeros: bytes that are zeros
 */
struct merge_counts {
	u64 data;
	u64 zeros;
};

int merge_copy(struct disk *disk, const guid_t *identity,
	       struct progress *progress, struct merge_counts *counts);

#endif /* MERGE_COPY_H */
