// SPDX-License-Identifier: GPL-2.0-only
/*
 * map: print where the blocks of the disk are stored. A large disk has many
 * rows, so each is printed as soon as it is known.
 */
#include "document.h"
#include "info-tree.h"
#include "map-picture.h"
#include "map-rows.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"

/**
 * struct table - rows being printed
 * @limit: limit of @rows; 0 for none
 * @progress: progress line, cleared before a row is printed
 * @row: joined extents of the next row; a length of 0 is no row
 * @rows: rows printed so far
 * @size: bytes of the disk
 * @json: print JSON
 */
struct table {
	unsigned long limit;
	struct progress progress;
	struct vhdx_extent row;
	u64 rows;
	u64 size;
	bool json;
};

static bool continues(const struct vhdx_extent *row,
		      const struct vhdx_extent *extent)
{
	if (row->state != extent->state || row->layer != extent->layer)
		return false;
	return extent->kind != VHDX_EXTENT_DATA ||
	       row->offset + row->length == extent->offset;
}

static void print_json(const struct table *table)
{
	const struct vhdx_extent *row = &table->row;
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", row->pos);
	tree_number(object, "length", row->length);
	tree_text(object, "state", vhdx_extent_words(row->state));
	tree_number(object, "layer", row->layer);
	if (row->kind == VHDX_EXTENT_DATA)
		tree_number(object, "offset", row->offset);
	document_element(object);
}

static void print_text(const struct table *table)
{
	const struct vhdx_extent *row = &table->row;

	if (!table->rows)
		printf("%14s %13s  %-17s %5s %14s\n", "virtual offset",
		       "length", "state", "layer", "file offset");
	row_offset(14, row->pos);
	row_length(row->length);
	printf("  %-17s %5u", vhdx_extent_words(row->state), row->layer);
	if (row->kind == VHDX_EXTENT_DATA) {
		putchar(' ');
		row_offset(14, row->offset);
	}
	putchar('\n');
}

static int print_row(struct table *table)
{
	int err;

	if (!table->row.length)
		return 0;
	progress_end(&table->progress);
	err = rows_end(table->limit, table->rows);
	if (err)
		return err;
	if (table->json)
		print_json(table);
	else
		print_text(table);
	table->rows++;
	table->row.length = 0;
	return ferror(stdout) ? -EIO : 0;
}

/* The last row is printed before messages that follow the walk. */
static int take(void *context, const struct vhdx_extent *extent)
{
	struct table *table = context;
	int err = 0;

	if (table->row.length && continues(&table->row, extent)) {
		table->row.length += extent->length;
	} else {
		err = print_row(table);
		table->row = *extent;
	}
	if (!err && extent->pos + extent->length == table->size)
		err = print_row(table);
	return err;
}

/* Put the members that precede the runs in JSON. */
static void print_head(const struct disk *disk)
{
	document_put("disk", info_disk(&disk->layer[0]->image->params));
	document_put("chain", info_chain(disk));
	document_list("runs");
}

static int map_table(struct vhdx_disk *handle, const struct options *options)
{
	struct table table = {
		.limit = rows_limit(options, options->sectors),
		.json = options->json,
		.size = vhdx_disk_size(handle),
	};
	int err;

	if (options->json)
		print_head(handle->disk);
	progress_begin(&table.progress, "map");
	vhdx_disk_on_progress(handle, progress_of_library, &table.progress);
	err = vhdx_disk_map(handle, options->sectors ? VHDX_MAP_SECTORS :
			    VHDX_MAP_BLOCKS, 0, table.size, take, &table);
	/* If the map was interrupted, the rows so far are valid. */
	if (err == -EINTR)
		print_row(&table);
	progress_end(&table.progress);
	if (options->json)
		document_list_end(!err || err == -EUCLEAN);
	return err;
}

/* A map of sectors needs the parents; a map of blocks does not. */
static bool needs_chain(const struct vhdx_disk *handle,
			const struct options *options)
{
	return !options->no_parents || options->sectors ||
	       !(vhdx_disk_traits(handle) & VHDX_TRAIT_HAS_PARENT);
}

/**
 * cmd_map() - the verb `map`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 or a negative errno; -EUCLEAN if BAT entries are faulty.
 */
int cmd_map(const struct options *options, char **args)
{
	struct vhdx_disk *handle;
	int err;

	if (options->picture && (options->json || options->sectors)) {
		msg_err("--picture goes with neither --json nor --sectors");
		return -EINVAL;
	}
	err = parents_suit(options, true);
	if (err)
		return err;
	err = open_look(options, args[0], OPEN_WHILE_WRITTEN, NULL, NULL,
			&handle);
	if (err)
		return err;
	if (needs_chain(handle, options))
		err = vhdx_disk_open_parents(handle);
	if (!err)
		err = options->picture ? map_picture(handle) :
					 map_table(handle, options);
	if (err == -EINTR)
		msg_err("interrupted: the map is not complete");
	vhdx_disk_free(handle);
	return err;
}
