/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that are open for writing: where a write goes, what a flush waits
 * for, and when a bio is complete.
 *
 * write.c APIs:
 *   vhdx_write_map()		look up where to write
 *   vhdx_write_fua()		have a write durable when it ends
 *   vhdx_write_flush()		dm's empty flush
 *   vhdx_end_io()		dm's ->end_io
 */
#ifndef VHDX_WRITE_H
#define VHDX_WRITE_H

#include <linux/blk_types.h>
#include <linux/types.h>

struct bio;
struct dm_target;
struct vhdx_io;
struct vhdx_miss;
struct vhdx_run;
struct vhdx_target;

int vhdx_write_map(struct vhdx_target *t, u64 pos, u64 len,
		   struct vhdx_run *run, struct vhdx_miss *miss);
void vhdx_write_fua(struct vhdx_io *io);
int vhdx_write_flush(struct vhdx_target *t, struct bio *bio);
int vhdx_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

#endif /* VHDX_WRITE_H */
