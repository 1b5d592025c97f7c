// SPDX-License-Identifier: GPL-2.0-only
#include "map-rows.h"
#include "tree.h"

/**
 * row_length() - print a length in the largest unit that divides it
 * @length: bytes
 */
void row_length(u64 length)
{
	const char *unit;

	length = tree_size_exact(length, &unit);
	printf(" %9llu %-3s", length, unit);
}

/**
 * row_offset() - print an offset in hexadecimal
 * @width: columns that it takes, aligned to the right
 * @value: the offset
 *
 * %#llx would print 0 without its prefix.
 */
void row_offset(int width, u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", value);
	printf("%*s", width, text);
}
