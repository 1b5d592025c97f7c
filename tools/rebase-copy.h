/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A copy that makes a child independent of differences between two parents.
 *
 * rebase-copy.c APIs:
 *   rebase_copy()	copy into the child what its new parents lack
 */
#ifndef REBASE_COPY_H
#define REBASE_COPY_H

#include "open.h"

int rebase_copy(struct disk *child, const struct disk *parent, u64 *copied);

#endif /* REBASE_COPY_H */
