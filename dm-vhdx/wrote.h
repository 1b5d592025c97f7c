/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a write into sectors that a child lacked: their bits are set before
 * the write is acknowledged, see engine/child.h.
 *
 *	->end_io --> the list --> vhdx_wrote: bits set --> ->end_io again
 *
 * One worker serves all writes of a device. A bit needs the pool's lock, which
 * no interrupt takes, and may need a page that was given up meanwhile. If a task
 * completes the write and has the page, it sets the bits itself.
 *
 * wrote.c APIs:
 *   vhdx_wrote_note()		a write is about to be sent
 *   vhdx_wrote_later()		it has ended: set its bits, or have that done
 *   vhdx_wrote_now()		set bits, sleeping if need be
 *   vhdx_wrote_init()		create the worker of a device
 *   vhdx_wrote_exit()		destroy it
 */
#ifndef VHDX_WROTE_H
#define VHDX_WROTE_H

#include "device.h"

void vhdx_wrote_note(struct vhdx_io *io, u64 pos, const struct vhdx_run *run);
bool vhdx_wrote_later(struct vhdx_io *io);
int vhdx_wrote_now(struct vhdx_target *t, u64 pos, u64 len);
int vhdx_wrote_init(struct vhdx_target *t);
void vhdx_wrote_exit(struct vhdx_target *t);

#endif /* VHDX_WROTE_H */
