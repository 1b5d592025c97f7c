/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Discards and zeroes: whole blocks change their state in memory, parts of
 * blocks are a matter of the store.
 *
 * zero.c APIs:
 *   vhdx_zero_work()		do what such a bio asks for
 */
#ifndef VHDX_ZERO_H
#define VHDX_ZERO_H

struct work_struct;

void vhdx_zero_work(struct work_struct *work);

#endif /* VHDX_ZERO_H */
