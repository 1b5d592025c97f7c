/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A merge that was stopped at its very end.
 *
 * merge-done.c APIs:
 *   merge_done()	does the parent have all that the child has?
 */
#ifndef MERGE_DONE_H
#define MERGE_DONE_H

#include "open.h"

int merge_done(const struct disk *disk, bool middle, bool *done);

#endif /* MERGE_DONE_H */
