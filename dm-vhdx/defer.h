/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a bio cannot go on without: a page of metadata, or the committer.
 *
 * defer.c APIs:
 *   vhdx_defer_load()		bring in what a lookup missed
 *   vhdx_defer()		hand a bio to the committer, or end it
 */
#ifndef VHDX_DEFER_H
#define VHDX_DEFER_H

struct vhdx_io;
struct vhdx_miss;

int vhdx_defer_load(const struct vhdx_miss *miss);
void vhdx_defer(struct vhdx_io *io, int err);

#endif /* VHDX_DEFER_H */
