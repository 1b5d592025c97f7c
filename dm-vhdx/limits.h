/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device's queue says of it: its sectors, the sizes of good I/O, what it
 * discards, whether it rotates and polls.
 *
 * dm_swap_table() calculates the limits of a table anew only if the table names
 * devices. One without, as with files, gets the limits that the queue has
 * already, whatever table they were made for. What is wrong in them is mended
 * when the table becomes live, but for the size of a sector: who has the device
 * open counts in it, and file systems on it have their blocks by it. A table
 * with sectors of another size is refused.
 *
 * limits.c APIs:
 *   vhdx_limits_check()	refuse a table whose sectors differ
 *   vhdx_limits_hint()		dm's ->io_hints
 *   vhdx_limits_resume()	mend what dm has kept
 */
#ifndef VHDX_LIMITS_H
#define VHDX_LIMITS_H

struct dm_target;
struct queue_limits;
struct vhdx_reason;
struct vhdx_target;

int vhdx_limits_check(const struct vhdx_target *t, struct vhdx_reason *reason);
void vhdx_limits_hint(struct dm_target *ti, struct queue_limits *limits);
int vhdx_limits_resume(struct vhdx_target *t);

#endif /* VHDX_LIMITS_H */
