/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ->map: where a bio goes.
 *
 * map.c APIs:
 *   vhdx_map()		dm's ->map
 */
#ifndef VHDX_MAP_H
#define VHDX_MAP_H

struct bio;
struct dm_target;

int vhdx_map(struct dm_target *ti, struct bio *bio);

#endif /* VHDX_MAP_H */
