/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the walks of a handle share.
 *
 * handle-read.c APIs:
 *   handle_extent_kind()	sort a piece of a walk
 *   handle_faults()		report the faults of the blocks that are faulty
 */
#ifndef HANDLE_WALK_H
#define HANDLE_WALK_H

#include "handle.h"
#include "walk.h"

enum vhdx_extent_kind handle_extent_kind(const struct vhdx_disk *handle,
					 const struct piece *piece);
int handle_faults(struct vhdx_disk *handle, u32 depth);

#endif /* HANDLE_WALK_H */
