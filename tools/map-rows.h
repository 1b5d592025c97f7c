/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cells of rows that are printed as they come, for a large disk has many.
 *
 * map-rows.c APIs:
 *   row_length()	a length in the largest unit that divides it
 *   row_offset()	an offset in hexadecimal
 */
#ifndef MAP_ROWS_H
#define MAP_ROWS_H

#include "env.h"

void row_length(u64 length);
void row_offset(int width, u64 value);

#endif /* MAP_ROWS_H */
