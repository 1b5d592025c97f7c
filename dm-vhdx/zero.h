/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discards and zeroes: whole blocks change their state in memory, parts of
 * blocks are a matter of the store.
 *
 * zero.c APIs:
 *   vhdx_zero_io()		do what such a bio asks for
 */
#ifndef VHDX_ZERO_H
#define VHDX_ZERO_H

struct vhdx_io;

void vhdx_zero_io(struct vhdx_io *io);

#endif /* VHDX_ZERO_H */
