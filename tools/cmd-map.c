// SPDX-License-Identifier: GPL-2.0-only
/*
 * map: where the blocks of the disk lie. Rows are printed as they come, for a
 * large disk has many.
 */
#include "check.h"
#include "findings.h"
#include "map-picture.h"
#include "message.h"
#include "open-image.h"
#include "tree.h"

/**
 * struct table - rows being printed
 * @visitor: takes the pieces
 * @progress: taken off the terminal before a row is printed
 * @row: pieces that lie alike so far; a length of 0 is no row
 * @rows: printed so far
 * @faulty: bytes whose BAT entry is faulty
 * @json: print JSON
 */
struct table {
	struct map_visitor visitor;
	struct progress progress;
	struct piece row;
	u64 rows;
	u64 faulty;
	bool json;
};

/**
 * struct listener - hears the findings
 * @sink: the disk's
 * @least: what is less severe is not said
 * @deaf: nothing is said
 *
 * A walk finds a faulty entry with each page of the BAT that it comes to. What
 * is wrong is said afterwards, once for all blocks in a row.
 */
struct listener {
	struct disk_sink sink;
	enum vhdx_severity least;
	bool deaf;
};

static void hear(struct disk_sink *sink, const char *path,
		 const struct vhdx_finding *finding)
{
	struct listener *listener = container_of(sink, struct listener, sink);

	if (!listener->deaf && finding->severity >= listener->least)
		sink_messages()->finding(sink_messages(), path, finding);
}

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

	printf("%s\n{\"offset\": %llu, \"length\": %llu, \"state\": \"%s\", \"layer\": %u",
	       table->rows ? "," : "", row->pos, row->length, piece_state(row),
	       row->layer);
	if (piece_has_data(row))
		printf(", \"file_offset\": %llu", row->offset);
	putchar('}');
}

static void print_length(u64 length)
{
	const char *unit;

	length = tree_size_exact(length, &unit);
	printf(" %9llu %-3s", length, unit);
}

/* %#llx would print 0 without its prefix. */
static void print_hex(int width, u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", value);
	printf("%*s", width, text);
}

static void print_text(const struct table *table)
{
	const struct piece *row = &table->row;

	if (!table->rows)
		printf("%14s %13s  %-17s %5s %14s\n", "virtual offset",
		       "length", "state", "layer", "file offset");
	print_hex(14, row->pos);
	print_length(row->length);
	printf("  %-17s %5u", piece_state(row), row->layer);
	if (piece_has_data(row)) {
		putchar(' ');
		print_hex(14, row->offset);
	}
	putchar('\n');
}

static void print_row(struct table *table)
{
	if (!table->row.length)
		return;
	progress_end(&table->progress);
	if (table->json)
		print_json(table);
	else
		print_text(table);
	table->rows++;
}

static int take(struct map_visitor *visitor, const struct piece *piece)
{
	struct table *table = container_of(visitor, struct table, visitor);

	if (piece->state == STATE_FAULTY)
		table->faulty += piece->length;
	if (table->row.length && continues(&table->row, piece)) {
		table->row.length += piece->length;
		return 0;
	}
	print_row(table);
	table->row = *piece;
	return ferror(stdout) ? -EIO : 0;
}

/* The head of the JSON; print_json() and the end of map_table() go on. */
static void print_head(const struct disk *disk)
{
	struct json_object *head = tree_new();
	struct json_object *layers = tree_list();
	u32 i;

	for (i = 0; i < disk->depth; i++) {
		struct json_object *layer = tree_new();

		tree_text(layer, "image", disk->layer[i]->path);
		tree_number(layer, "block_size",
			    disk->layer[i]->image->params.block_size);
		tree_append(layers, layer);
	}
	tree_number(head, "virtual_size", disk->chain->size);
	tree_add(head, "layers", layers);
	printf("{\"disk\": ");
	tree_print(head, true);
	tree_free(head);
	printf(",\n\"runs\": [");
}

static int map_table(struct disk *disk, const struct options *options)
{
	struct table table = {
		.visitor.visit = take,
		.json = options->json,
	};
	int err;

	if (options->json)
		print_head(disk);
	progress_begin(&table.progress, "map");
	err = map_walk(disk, options->sectors ? MAP_SECTORS : MAP_BLOCKS,
		       &table.progress, &table.visitor);
	if (!err)
		print_row(&table);
	progress_end(&table.progress);
	if (options->json)
		puts("\n]}");
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

/* Says what is wrong with the blocks that the walk found faulty. */
static int tell_faults(struct disk *disk, struct listener *listener)
{
	struct vhdx_census census;
	struct progress progress;
	int err = 0;
	u32 i;

	listener->deaf = false;
	listener->least = VHDX_ERROR;
	progress_begin(&progress, "map");
	for (i = 0; i < disk->depth && !err; i++)
		err = vhdx_check_blocks(disk->layer[i]->image, &census,
					&progress.engine,
					&disk->layer[i]->report);
	progress_end(&progress);
	return err ? err : -EUCLEAN;
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
	struct listener listener = { .sink.finding = hear };
	struct disk *disk;
	int err;

	if (options->picture && (options->json || options->sectors)) {
		msg_err("--picture goes with neither --json nor --sectors");
		return -EINVAL;
	}
	err = open_image(options, args[0], OPEN_WHILE_WRITTEN, &listener.sink,
			 &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	listener.deaf = !err;
	if (!err)
		err = map_disk(disk, options);
	if (err == -EUCLEAN && listener.deaf)
		err = tell_faults(disk, &listener);
	if (err == -EINTR)
		msg_err("interrupted: the map is not complete");
	disk_close(disk);
	return err;
}
