/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects as the rows of a table, with the columns that the user asks for.
 *
 * listing.c APIs:
 *   listing_choose()	the columns of a list of their names
 *   listing_pick()	an object's members of these columns alone
 *   listing_print()	print objects as a table
 */
#ifndef LISTING_H
#define LISTING_H

#include "tree.h"

#define LISTING_COLUMNS_MAX	32

/**
 * struct column - what a column shows
 * @name: its heading, by which the user asks for it
 * @key: the member of an object; of a list its length is shown
 * @is_right: aligned to the right
 */
struct column {
	const char *name;
	const char *key;
	bool is_right;
};

/**
 * struct listing - the columns of a table
 * @column: in their order
 * @count: how many
 * @no_headings: their names are not shown
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
