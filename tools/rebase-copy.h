/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Have a child hold what another parent lacks.
 *
 * rebase-copy.c APIs:
 *   rebase_copy()	copy into the child what would read otherwise
 */
#ifndef REBASE_COPY_H
#define REBASE_COPY_H

#include "open.h"

int rebase_copy(struct disk *child, const struct disk *parent, u64 *copied);

#endif /* REBASE_COPY_H */
