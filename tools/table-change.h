/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another table for a live device: what both a snapshot and a growth ask of the
 * device, before and after they load one.
 *
 * table-change.c APIs:
 *   table_change_check()	check that a device can get another table
 *   table_change_load()	load another table, which is not live yet
 *   table_change_same()	check that no other program changed its table
 */
#ifndef TABLE_CHANGE_H
#define TABLE_CHANGE_H

#include "dmdev.h"

int table_change_check(const struct dmdev *dev, const char *read_only);
int table_change_load(const struct dmdev *dev, u64 sectors, const char *params);
int table_change_same(const struct dmdev *dev, bool renamed, bool loaded);

#endif /* TABLE_CHANGE_H */
