/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects as the rows of a table, with the columns that the user chooses.
 *
 * listing.c APIs:
 *   listing_choose()	choose columns by their names
 *   listing_pick()	copy the members of an object that the columns show
 *   listing_print()	print objects as a table
 */
#ifndef LISTING_H
#define LISTING_H

#include "tree.h"

#define LISTING_COLUMNS_MAX	32

/**
 * struct column - a column
 * @name: heading of the column, by which the user chooses it
 * @key: member of the objects to show; of a list, the length
 * @is_right: align to the right
 */
struct column {
	const char *name;
	const char *key;
	bool is_right;
};

/**
 * struct listing - the columns of a table
 * @column: the columns, in order
 * @count: number of columns
 * @no_headings: do not print the headings
 */
struct listing {
	const struct column *column[LISTING_COLUMNS_MAX];
	unsigned int count;
	bool no_headings;
};

int listing_choose(struct listing *listing, const struct column *known,
		   unsigned int known_count, const char *names);
struct json_object *listing_pick(const struct listing *listing,
				 struct json_object *object);
int listing_print(const struct listing *listing, struct json_object *rows);

#endif /* LISTING_H */
