// SPDX-License-Identifier: GPL-2.0-only
#include "map-rows.h"
#include "message.h"
#include "tree.h"
#include "verbs.h"

#define ROWS_MAX	1000000UL

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
 * @width: columns to fill, aligned to the right
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

/**
 * rows_limit() - choose a limit of rows
 * @options: of the command line
 * @sectors: rows are runs of sectors. A MiB of a stranger's image may have
 *	eight million of them, but a row of blocks takes eight bytes of the
 *	file.
 *
 * Return: the limit, or 0 for none.
 */
unsigned long rows_limit(const struct options *options, bool sectors)
{
	if (options->given[OPT_ROWS])
		return options->rows;
	return sectors ? ROWS_MAX : 0;
}

/**
 * rows_end() - refuse one row too many
 * @limit: of rows; 0 for none
 * @rows: rows that were printed
 *
 * Return: 0 if another row may be printed; or -ERANGE after a message.
 */
int rows_end(unsigned long limit, u64 rows)
{
	if (!limit || rows < limit)
		return 0;
	msg_err("there are more than %lu rows; --rows N prints up to N of them, --rows 0 all",
		limit);
	return -ERANGE;
}
