/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows that are printed one by one, because a large disk has many.
 *
 * map-rows.c APIs:
 *   row_length()	print a length in the largest unit that divides it
 *   row_offset()	print an offset in hexadecimal
 *   rows_limit()	choose a limit of rows
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
