// SPDX-License-Identifier: GPL-2.0-only
/*
 * map: print where the blocks of the disk are stored. A large disk has many
 * rows, so each is printed as soon as it is known.
 */
#include "document.h"
#include "info-tree.h"
#include "map-faults.h"
#include "map-picture.h"
#include "map-rows.h"
#include "message.h"
#include "open-image.h"

/**
 * struct table - rows being printed
 * @visitor: takes the pieces
 * @limit: limit of @rows; 0 for none
 * @progress: progress line, cleared before a row is printed
 * @row: joined pieces of the next row; a length of 0 is no row
 * @rows: rows printed so far
 * @faulty: bytes of blocks with faulty BAT entries
 * @json: print JSON
 */
struct table {
	struct map_visitor visitor;
	unsigned long limit;
	struct progress progress;
	struct piece row;
	u64 rows;
	u64 faulty;
	bool json;
};

static bool continues(const struct piece *row, const struct piece *piece)
{
	if (row->state != piece->state || row->layer != piece->layer)
		return false;
	return !piece_has_data(piece) ||
	       row->offset + row->length == piece->offset;
}

static void print_json(const struct table *table)
{
	const struct piece *row = &table->row;
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", row->pos);
	tree_number(object, "length", row->length);
	tree_text(object, "state", piece_state(row));
	tree_number(object, "layer", row->layer);
	if (piece_has_data(row))
		tree_number(object, "offset", row->offset);
	document_element(object);
}

static void print_text(const struct table *table)
{
	const struct piece *row = &table->row;

	if (!table->rows)
		printf("%14s %13s  %-17s %5s %14s\n", "virtual offset",
		       "length", "state", "layer", "file offset");
	row_offset(14, row->pos);
	row_length(row->length);
	printf("  %-17s %5u", piece_state(row), row->layer);
	if (piece_has_data(row)) {
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
	return ferror(stdout) ? -EIO : 0;
}

static int take(struct map_visitor *visitor, const struct piece *piece)
{
	struct table *table = container_of(visitor, struct table, visitor);
	int err;

	if (piece->state == STATE_FAULTY)
		table->faulty += piece->length;
	if (table->row.length && continues(&table->row, piece)) {
		table->row.length += piece->length;
		return 0;
	}
	err = print_row(table);
	table->row = *piece;
	return err;
}

/* Put the members that precede the runs in JSON. */
static void print_head(const struct disk *disk)
{
	document_put("disk", info_disk(&disk->layer[0]->image->params));
	document_put("chain", info_chain(disk));
	document_list("runs");
}

static int map_table(struct disk *disk, const struct options *options)
{
	struct table table = {
		.visitor.visit = take,
		.limit = rows_limit(options, options->sectors),
		.json = options->json,
	};
	int err;

	if (options->json)
		print_head(disk);
	progress_begin(&table.progress, "map");
	err = map_walk(disk, options->sectors ? MAP_SECTORS : MAP_BLOCKS,
		       &table.progress, &table.visitor);
	/* If the map was interrupted, the rows so far are valid. */
	if (err == -EINTR)
		print_row(&table);
	else if (!err)
		err = print_row(&table);
	progress_end(&table.progress);
	if (options->json)
		document_list_end(!err);
	return err ? err : table.faulty ? -EUCLEAN : 0;
}

static int map_disk(struct disk *disk, const struct options *options)
{
	struct progress progress;

	if (!options->picture)
		return map_table(disk, options);
	progress_begin(&progress, "map");
	return map_picture(disk, &progress);
}

/* A map of sectors needs the parents; a map of blocks does not. */
static bool needs_chain(const struct disk *disk, const struct options *options)
{
	return !options->no_parents || options->sectors ||
	       !disk->layer[0]->image->params.has_parent;
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
	struct map_listener listener;
	struct disk *disk;
	int err;

	if (options->picture && (options->json || options->sectors)) {
		msg_err("--picture goes with neither --json nor --sectors");
		return -EINVAL;
	}
	err = parents_suit(options, true);
	if (err)
		return err;
	map_listen(&listener);
	err = open_image(options, args[0], OPEN_WHILE_WRITTEN, &listener.sink,
			 &disk);
	if (err)
		return err;
	if (needs_chain(disk, options))
		err = disk_follow(disk);
	if (!err) {
		listener.deaf = true;
		err = map_faults(disk, disk->depth, map_disk(disk, options),
				 &listener);
	}
	if (err == -EINTR)
		msg_err("interrupted: the map is not complete");
	disk_close(disk);
	return err;
}
