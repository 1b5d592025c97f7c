// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "document.h"
#include "lost-list.h"
#include "map-rows.h"
#include "message.h"
#include "salvage.h"
#include "verbs.h"

/* A table longer than this is for nobody to read. */
#define ROWS_USUAL	1000UL

/* Signs of ddrescue's mapfile. */
#define SIGN_READ	'+'
#define SIGN_LOST	'-'

static void map_range(struct lost_list *list, u64 end, char sign)
{
	if (list->map && end > list->mapped)
		fprintf(list->map, "0x%08llX  0x%08llX  %c\n", list->mapped,
			end - list->mapped, sign);
	list->mapped = end;
}

static void print_json(const struct lost_list *list)
{
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", list->pos);
	tree_number(object, "length", list->length);
	tree_text(object, "reason", vhdx_lost_words(list->why));
	tree_number(object, "layer", list->layer);
	document_element(object);
}

static void print_text(const struct lost_list *list)
{
	if (list->limit && list->count > list->limit)
		return;
	progress_end(list->progress);
	if (list->count == 1)
		printf("%14s %13s  %s\n", "virtual offset", "length", "lost");
	row_offset(14, list->pos);
	row_length(list->length);
	printf("  %s", vhdx_lost_words(list->why));
	if (list->layer && list->why != VHDX_LOST_PARENT)
		printf(", in parent %u", list->layer);
	putchar('\n');
	if (list->count == list->limit)
		printf("... and more, see --map and --rows\n");
}

/* The last range is complete. */
static void settle(struct lost_list *list)
{
	if (!list->length)
		return;
	list->count++;
	list->bytes += list->length;
	map_range(list, list->pos, SIGN_READ);
	map_range(list, list->pos + list->length, SIGN_LOST);
	if (list->json)
		print_json(list);
	else if (msg_enabled(MSG_NORMAL))
		print_text(list);
	list->length = 0;
}

/**
 * lost_list_begin() - begin a list
 * @list: filled in
 * @options: of the command line
 * @size: bytes of the disk
 * @progress: taken off the terminal before a row is printed
 *
 * Return: 0, or a negative errno after a message.
 */
int lost_list_begin(struct lost_list *list, const struct options *options,
		    u64 size, struct progress *progress)
{
	*list = (struct lost_list){
		.json = options->json,
		.limit = options->given[OPT_ROWS] ? options->rows :
						      ROWS_USUAL,
		.progress = progress,
		.path = options->map,
		.size = size,
	};
	if (options->json)
		document_list("lost");
	if (!list->path)
		return 0;
	list->map = fopen(list->path, options->force ? "we" : "wxe");
	if (!list->map) {
		int err = -errno;

		msg_err("%s: %s%s", list->path, strerror(-err),
			err == -EEXIST ? "; --force overwrites it" : "");
		return err;
	}
	fprintf(list->map,
		"# Mapfile. Created by vhdxsetup salvage\n"
		"# current_pos  current_status  current_pass\n"
		"0x00000000     +               1\n"
		"#      pos        size  status\n");
	return 0;
}

/**
 * lost_list_add() - add a range of the disk
 * @list: from lost_list_begin()
 * @pos: byte offset, not before the end of the last range
 * @length: bytes, above 0
 * @why: the reason
 * @layer: the image that it was in, 0 for the child
 */
void lost_list_add(struct lost_list *list, u64 pos, u64 length,
		   enum vhdx_lost why, u32 layer)
{
	if (list->length && list->pos + list->length == pos &&
	    list->why == why && list->layer == layer) {
		list->length += length;
		return;
	}
	settle(list);
	list->pos = pos;
	list->length = length;
	list->why = why;
	list->layer = layer;
}

/**
 * lost_list_end() - the last range, and the end of the mapfile
 * @list: from lost_list_begin()
 *
 * Return: 0, or a negative errno after a message if the mapfile cannot be
 * written.
 */
int lost_list_end(struct lost_list *list)
{
	FILE *map = list->map;
	bool failed;

	settle(list);
	map_range(list, list->size, SIGN_READ);
	if (list->json)
		document_list_end(true);
	if (!map)
		return 0;
	failed = ferror(map);
	list->map = NULL;
	if (!fclose(map) && !failed)
		return 0;
	msg_err("%s: cannot be written", list->path);
	return -EIO;
}

/**
 * lost_list_drop() - remove the mapfile
 * @list: from lost_list_begin(), that was not ended
 */
void lost_list_drop(struct lost_list *list)
{
	if (list->json)
		document_list_end(false);
	if (!list->map)
		return;
	fclose(list->map);
	list->map = NULL;
	(void)unlink(list->path);
}
