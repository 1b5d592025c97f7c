/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lookup that waits, and tells a fault of the image from one of the store.
 *
 * lookup.c APIs:
 *   lookup_run()	find where the start of a range lies
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "chain.h"

int lookup_run(const struct vhdx_chain *chain, u64 pos, u64 len,
	       struct vhdx_run *run);

#endif /* LOOKUP_H */
