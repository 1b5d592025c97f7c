/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discards and zeroes: whole blocks change their state in memory, parts of
 * blocks are a matter of the store.
 *
 * zero.c APIs:
 *   vhdx_zero_io()		do what such a bio asks for
 *   vhdx_zero_limits()		what the device takes
 */
#ifndef VHDX_ZERO_H
#define VHDX_ZERO_H

struct queue_limits;
struct vhdx_io;
struct vhdx_target;

void vhdx_zero_io(struct vhdx_io *io);
void vhdx_zero_limits(const struct vhdx_target *t, struct queue_limits *limits);

#endif /* VHDX_ZERO_H */
