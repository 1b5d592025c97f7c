/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that lookups missed: each is read by one task at a time.
 *
 * load.c APIs:
 *   vhdx_load()	load a page, or wait for the task that loads it
 */
#ifndef VHDX_LOAD_H
#define VHDX_LOAD_H

struct vhdx_miss;

int vhdx_load(const struct vhdx_miss *miss);

#endif /* VHDX_LOAD_H */
