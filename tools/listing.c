// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "listing.h"
#include "message.h"

static const struct column *find(const struct column *known,
				 unsigned int known_count, const char *name,
				 size_t length)
{
	unsigned int i;

	for (i = 0; i < known_count; i++)
		if (strlen(known[i].name) == length &&
		    !strncasecmp(known[i].name, name, length))
			return &known[i];
	return NULL;
}

static void refuse(const struct column *known, unsigned int known_count,
		   const char *name, size_t length)
{
	char text[512] = "";
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < known_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s", i ? "," : "", known[i].name);
	msg_err("unknown column `%.*s'; the columns are %s", (int)length,
		name, text);
}

/**
 * listing_choose() - choose columns by their names
 * @listing: receives the columns
 * @known: all columns that exist
 * @known_count: number of @known
 * @names: names, separated by commas, in upper or lower case
 *
 * Return: 0, or -EINVAL after a message.
 */
int listing_choose(struct listing *listing, const struct column *known,
		   unsigned int known_count, const char *names)
{
	const struct column *column;
	size_t length;

	for (;;) {
		length = strcspn(names, ",");
		column = find(known, known_count, names, length);
		if (!column) {
			refuse(known, known_count, names, length);
			return -EINVAL;
		}
		if (listing->count == LISTING_COLUMNS_MAX) {
			msg_err("more than %d columns", LISTING_COLUMNS_MAX);
			return -EINVAL;
		}
		listing->column[listing->count++] = column;
		if (!names[length])
			return 0;
		names += length + 1;
	}
}

/**
 * listing_pick() - copy the members of an object that the columns show
 * @listing: the columns
 * @object: the object, which the caller frees
 *
 * Return: a new object.
 */
struct json_object *listing_pick(const struct listing *listing,
				 struct json_object *object)
{
	struct json_object *picked = tree_new(), *value;
	unsigned int i;

	for (i = 0; i < listing->count; i++) {
		if (json_object_object_get_ex(object, listing->column[i]->key,
					      &value))
			tree_add(picked, listing->column[i]->key,
				 json_object_get(value));
	}
	return picked;
}

/* Return the text of a cell, for free(), or NULL without memory. */
static char *cell_text(struct json_object *value, const char *key)
{
	char words[64] = "-", *text = NULL;
	const char *shown = words;
	size_t size;
	FILE *out;

	switch (json_object_get_type(value)) {
	case json_type_null:
		break;
	case json_type_boolean:
		shown = json_object_get_boolean(value) ? "yes" : "no";
		break;
	case json_type_int:
		if (!strcmp(key, "virtual_size"))
			tree_size_words(json_object_get_uint64(value), words,
					sizeof(words));
		else
			snprintf(words, sizeof(words), "%llu",
				 (u64)json_object_get_uint64(value));
		break;
	case json_type_array:
		snprintf(words, sizeof(words), "%zu",
			 json_object_array_length(value));
		break;
	default:
		shown = json_object_get_string(value);
	}
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	msg_safe(out, shown);
	return fclose(out) ? NULL : text;
}

static int add_columns(struct libscols_table *table,
		       const struct listing *listing)
{
	unsigned int i;

	for (i = 0; i < listing->count; i++)
		if (!scols_table_new_column(table, listing->column[i]->name, 0,
					    listing->column[i]->is_right ?
					    SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	return 0;
}

static int add_row(struct libscols_table *table, const struct listing *listing,
		   struct json_object *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	struct json_object *value;
	unsigned int i;
	char *text;
	int err = line ? 0 : -ENOMEM;

	for (i = 0; i < listing->count && !err; i++) {
		value = NULL;
		(void)json_object_object_get_ex(row, listing->column[i]->key,
						&value);
		text = cell_text(value, listing->column[i]->key);
		if (!text)
			return -ENOMEM;
		/* The line owns the text now. */
		err = scols_line_refer_data(line, i, text);
		if (err)
			free(text);
	}
	return err;
}

static int fill(struct libscols_table *table, const struct listing *listing,
		struct json_object *rows)
{
	size_t i, count = json_object_array_length(rows);
	int err = add_columns(table, listing);

	for (i = 0; i < count && !err; i++)
		err = add_row(table, listing,
			      json_object_array_get_idx(rows, i));
	return err;
}

/**
 * listing_print() - print objects as a table
 * @listing: columns of the table
 * @rows: an array of objects
 *
 * Prints no headings if there are no rows.
 *
 * Return: 0 or a negative errno.
 */
int listing_print(const struct listing *listing, struct json_object *rows)
{
	struct libscols_table *table = scols_new_table();
	int err;

	if (!table)
		return -ENOMEM;
	/* Characters that could control a terminal are escaped already. */
	scols_table_enable_noencoding(table, 1);
	scols_table_enable_noheadings(table, listing->no_headings);
	err = fill(table, listing, rows);
	if (!err && json_object_array_length(rows))
		err = scols_print_table(table);
	scols_unref_table(table);
	return err;
}
