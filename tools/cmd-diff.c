// SPDX-License-Identifier: GPL-2.0-only
/*
 * diff: print what an image changes against its parent, or an older ancestor. A
 * large disk has many rows, so each is printed as soon as it is known.
 */
#include "ancestor.h"
#include "document.h"
#include "info-tree.h"
#include "map-rows.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"

/**
 * struct table - rows being printed
 * @limit: limit of @rows; 0 for none
 * @progress: progress line, cleared before a row is printed
 * @rows: rows printed so far
 * @json: print JSON
 */
struct table {
	unsigned long limit;
	struct progress progress;
	u64 rows;
	bool json;
};

static void print_json(const struct vhdx_extent *extent)
{
	struct json_object *object = tree_new();

	tree_number(object, "virtual_offset", extent->pos);
	tree_number(object, "length", extent->length);
	tree_text(object, "state", vhdx_extent_words(extent->state));
	document_element(object);
}

static void print_text(const struct table *table,
		       const struct vhdx_extent *extent)
{
	if (!table->rows)
		printf("%14s %13s  %s\n", "virtual offset", "length", "is now");
	row_offset(14, extent->pos);
	row_length(extent->length);
	printf("  %s\n", vhdx_extent_words(extent->state));
}

static int print_row(void *context, const struct vhdx_extent *extent)
{
	struct table *table = context;
	int err;

	progress_end(&table->progress);
	err = rows_end(table->limit, table->rows);
	if (err)
		return err;
	if (table->json)
		print_json(extent);
	else
		print_text(table, extent);
	table->rows++;
	return ferror(stdout) ? -EIO : 0;
}

/* Put the members that precede the runs in JSON. */
static void print_head(const struct disk *disk, u32 since, bool compared)
{
	document_put("disk", info_disk(&disk->layer[0]->image->params));
	document_put("chain", info_chain(disk));
	document_put("since_layer", tree_integer(since));
	document_put("compared", tree_boolean(compared));
	document_list("runs");
}

static int diff_disk(struct vhdx_disk *handle, const struct options *options)
{
	struct table table = {
		.limit = rows_limit(options, true),
		.json = options->json,
	};
	u32 since;
	int err = ancestor_find(handle->disk, options->since, &since);

	if (err)
		return err;
	if (options->json)
		print_head(handle->disk, since, options->compare);
	progress_begin(&table.progress, "diff");
	vhdx_disk_on_progress(handle, progress_of_library, &table.progress);
	err = vhdx_disk_diff(handle, since, options->compare ?
			     VHDX_DIFF_COMPARE : 0, print_row, &table);
	progress_end(&table.progress);
	if (options->json)
		document_list_end(!err || err == -EUCLEAN);
	return err;
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
	struct vhdx_disk *handle;
	int err = open_look(options, args[0], options->force_share ?
			    OPEN_WHILE_WRITTEN : OPEN_IDLE, NULL, NULL,
			    &handle);

	if (err)
		return err;
	err = vhdx_disk_open_parents(handle);
	if (!err)
		err = diff_disk(handle, options);
	if (err == -EINTR)
		msg_err("interrupted: the list of changes is not complete");
	vhdx_disk_free(handle);
	return err;
}
