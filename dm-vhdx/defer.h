/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a worker does with a bio that cannot be mapped yet.
 *
 * defer.c APIs:
 *   vhdx_defer_load()		load the metadata that a lookup missed
 *   vhdx_defer()		hand a bio to the committer, or end it
 */
#ifndef VHDX_DEFER_H
#define VHDX_DEFER_H

struct vhdx_io;
struct vhdx_miss;

int vhdx_defer_load(const struct vhdx_miss *miss);
void vhdx_defer(struct vhdx_io *io, int err);

#endif /* VHDX_DEFER_H */
