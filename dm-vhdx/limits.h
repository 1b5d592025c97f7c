/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits and flags of a device's queue: sector sizes, I/O sizes, discards,
 * rotation and polling.
 *
 * dm_swap_table() computes the limits of a table only if the table names
 * devices. A table without devices, as with files, gets the queue's present
 * limits, whatever table they were made for. When the table becomes live, the
 * target corrects them, except for the size of a sector: those who have the
 * device open rely on that, and so do file systems on it. The target refuses a
 * table with sectors of another size.
 *
 * limits.c APIs:
 *   vhdx_limits_check()	refuse a table with another size of sectors
 *   vhdx_limits_hint()		dm's ->io_hints, with the limits of discards
 *   vhdx_limits_resume()	correct the limits that dm has kept
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
