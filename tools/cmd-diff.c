// SPDX-License-Identifier: GPL-2.0-only
/*
 * diff: print what an image changes against its parent, or an older ancestor. A
 * large disk has many rows, so each is printed as soon as it is known.
 */
#include "ancestor.h"
#include "contrast.h"
#include "document.h"
#include "info-tree.h"
#include "map-faults.h"
#include "map-rows.h"
#include "map-walk.h"
#include "message.h"
#include "open-image.h"

/**
 * struct row - a run of bytes with one state
 * @pos: byte offset on the virtual disk
 * @length: bytes; 0 for no row
 * @state: STATE_DATA, STATE_NO_DATA or STATE_FAULTY
 */
struct row {
	u64 pos;
	u64 length;
	unsigned int state;
};

/**
 * struct diff - prints changes
 * @visitor: receives the pieces of the disk
 * @limit: of @rows; 0 for none
 * @contrast: with --compare, the new disk and the old one
 * @progress: progress line, cleared before a row is printed
 * @depth: number of images whose blocks are changes; those below are the old
 *	disk
 * @found: run of bytes that the images change, so far
 * @row: the next row to print
 * @rows: rows printed so far
 * @faulty: bytes of blocks with faulty BAT entries
 * @json: print JSON
 * @compare: leave out what reads as before
 */
struct diff {
	struct map_visitor visitor;
	unsigned long limit;
	struct contrast contrast;
	struct progress progress;
	u32 depth;
	struct row found;
	struct row row;
	u64 rows;
	u64 faulty;
	bool json;
	bool compare;
};

static const char *row_state(const struct row *row)
{
	const struct piece piece = { .state = row->state };

	return piece_state(&piece);
}

static void print_json(const struct diff *diff)
{
	const struct row *row = &diff->row;
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", row->pos);
	tree_number(object, "length", row->length);
	tree_text(object, "state", row_state(row));
	document_element(object);
}

static void print_text(const struct diff *diff)
{
	const struct row *row = &diff->row;

	if (!diff->rows)
		printf("%14s %13s  %s\n", "virtual offset", "length", "is now");
	row_offset(14, row->pos);
	row_length(row->length);
	printf("  %s\n", row_state(row));
}

static int print_row(struct diff *diff)
{
	int err;

	if (!diff->row.length)
		return 0;
	progress_end(&diff->progress);
	err = rows_end(diff->limit, diff->rows);
	if (err)
		return err;
	if (diff->json)
		print_json(diff);
	else
		print_text(diff);
	diff->rows++;
	diff->row.length = 0;
	return ferror(stdout) ? -EIO : 0;
}

/* Extend a row. Return false if these bytes do not continue it. */
static bool row_add(struct row *row, u64 pos, u64 length, unsigned int state)
{
	if (!row->length)
		*row = (struct row){ .pos = pos, .state = state };
	if (row->state != state || row->pos + row->length != pos)
		return false;
	row->length += length;
	return true;
}

static int put(struct diff *diff, u64 pos, u64 length, unsigned int state)
{
	int err;

	if (row_add(&diff->row, pos, length, state))
		return 0;
	err = print_row(diff);
	if (!err)
		row_add(&diff->row, pos, length, state);
	return err;
}

static int put_differing(struct contrast *contrast, u64 pos, u64 length)
{
	struct diff *diff = container_of(contrast, struct diff, contrast);

	return put(diff, pos, length, diff->found.state);
}

/* The run in @found is complete: compare it with --compare, or print it. */
static int settle(struct diff *diff)
{
	struct row found = diff->found;
	int err;

	if (!found.length)
		return 0;
	if (diff->compare && found.state != STATE_FAULTY)
		err = contrast_walk(&diff->contrast, found.pos, found.length);
	else
		err = put(diff, found.pos, found.length, found.state);
	diff->found.length = 0;
	return err;
}

static int take(struct map_visitor *visitor, const struct piece *piece)
{
	struct diff *diff = container_of(visitor, struct diff, visitor);
	unsigned int state = piece->state;
	int err;

	/* vhdx_chain_piece() sets the layer that decides for zeros, too. */
	if (piece->layer >= diff->depth)
		return 0;
	if (state == STATE_FAULTY)
		diff->faulty += piece->length;
	else if (piece_has_data(piece))
		state = STATE_DATA;
	if (row_add(&diff->found, piece->pos, piece->length, state))
		return 0;
	err = settle(diff);
	row_add(&diff->found, piece->pos, piece->length, state);
	return err;
}

/* Put the members that precede the runs in JSON. */
static void print_head(const struct disk *disk, const struct diff *diff)
{
	document_put("disk", info_disk(&disk->layer[0]->image->params));
	document_put("chain", info_chain(disk));
	document_put("since_layer", tree_integer(diff->depth));
	document_put("compared", tree_boolean(diff->compare));
	document_list("runs");
}

static int diff_rows(struct disk *disk, struct diff *diff)
{
	int err;

	if (diff->json)
		print_head(disk, diff);
	progress_begin(&diff->progress, "diff");
	err = map_walk(disk, MAP_SECTORS, &diff->progress, &diff->visitor);
	if (!err)
		err = settle(diff);
	if (!err)
		err = print_row(diff);
	progress_end(&diff->progress);
	if (diff->json)
		document_list_end(!err);
	return err ? err : diff->faulty ? -EUCLEAN : 0;
}

/* Join the old disk: the ancestor with its own parents. */
static struct vhdx_chain *older_chain(const struct disk *disk, u32 depth)
{
	struct vhdx_image *images[VHDX_CHAIN_MAX];
	u32 i;

	for (i = depth; i < disk->depth; i++)
		images[i - depth] = disk->layer[i]->image;
	/* disk_follow() has joined the whole chain, and reported its faults. */
	return vhdx_chain_new(images, disk->depth - depth,
			      VHDX_CHAIN_IGNORE_ID, &vhdx_report_silent);
}

static int diff_compared(struct disk *disk, struct diff *diff,
			 const bool *heard)
{
	struct contrast *contrast = &diff->contrast;
	struct vhdx_chain *older = older_chain(disk, diff->depth);
	int err;

	if (IS_ERR(older))
		return (int)PTR_ERR(older);
	*contrast = (struct contrast){
		.side = {
			{ disk->chain, disk->layer[0]->path, NULL },
			{ older, disk->layer[diff->depth]->path, NULL },
		},
		.heard = heard,
		.unit = disk->layer[0]->image->params.logical_sector,
		.total = disk->chain->size,
		.progress = &diff->progress,
		.visit = put_differing,
	};
	err = contrast_begin(contrast);
	if (!err)
		err = diff_rows(disk, diff);
	contrast_end(contrast);
	vhdx_chain_free(older);
	return err;
}

static int diff_disk(struct disk *disk, const struct options *options,
		     struct map_listener *listener)
{
	struct diff diff = {
		.visitor.visit = take,
		.limit = rows_limit(options, true),
		.json = options->json,
		.compare = options->compare,
	};
	int err = ancestor_find(disk, options->since, &diff.depth);

	if (err)
		return err;
	listener->deaf = true;
	if (!diff.compare)
		return map_faults(disk, diff.depth, diff_rows(disk, &diff),
				  listener);
	err = diff_compared(disk, &diff, &listener->heard);
	return map_faults(disk, disk->depth, err, listener);
}

/**
 * cmd_diff() - the verb `diff`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 or a negative errno; -EUCLEAN if BAT entries are faulty.
 */
int cmd_diff(const struct options *options, char **args)
{
	struct map_listener listener;
	struct disk *disk;
	int err;

	map_listen(&listener);
	err = open_image(options, args[0], options->force_share ?
			 OPEN_WHILE_WRITTEN : OPEN_IDLE, &listener.sink, &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = diff_disk(disk, options, &listener);
	if (err == -EINTR)
		msg_err("interrupted: the list of changes is not complete");
	disk_close(disk);
	return err;
}
