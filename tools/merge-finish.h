/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a child when its parent has all that it had.
 *
 * merge-finish.c APIs:
 *   merge_remove()	remove its file
 *   merge_empty()	put an empty child in its place
 */
#ifndef MERGE_FINISH_H
#define MERGE_FINISH_H

#include "open.h"

int merge_remove(const struct disk *disk);
int merge_empty(const struct disk *disk);

#endif /* MERGE_FINISH_H */
