/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cells of rows that are printed as they come, for a large disk has many.
 *
 * map-rows.c APIs:
 *   row_length()	a length in the largest unit that divides it
 *   row_offset()	an offset in hexadecimal
 *   rows_limit()	how many rows to print
 *   rows_end()		refuse one row too many
 */
#ifndef MAP_ROWS_H
#define MAP_ROWS_H

#include "vhdxsetup.h"

void row_length(u64 length);
void row_offset(int width, u64 value);

unsigned long rows_limit(const struct options *options, bool sectors);
int rows_end(unsigned long limit, u64 rows);

#endif /* MAP_ROWS_H */
