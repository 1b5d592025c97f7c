// SPDX-License-Identifier: GPL-2.0-only
/* info: say what an image says of itself. */
#include "check.h"
#include "document.h"
#include "findings.h"
#include "info-tree.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"

/* Counting does not judge: `check` does. */
static int count_blocks(struct vhdx_image *image, struct vhdx_census *census)
{
	struct progress progress;
	int err;

	progress_begin(&progress, "counting blocks");
	err = vhdx_check_blocks(image, census, &progress.engine,
				&vhdx_report_silent);
	progress_end(&progress);
	if (err == -EINTR)
		msg_err("interrupted");
	return err;
}

/* An image is worth describing also where its parents cannot be opened. */
static int follow(struct disk *disk)
{
	int err = disk_follow(disk);

	if (err)
		msg_warn("%s: the chain cannot be opened: see above",
			 disk->layer[0]->path);
	return err;
}

static int print_all(struct disk *disk, const struct options *options)
{
	struct vhdx_census census = { 0 };
	struct json_object *object;
	int err = 0;

	if (options->all)
		err = count_blocks(disk->layer[0]->image, &census);
	if (err)
		return err;
	object = info_image(disk->layer[0]);
	if (options->all)
		tree_add(object, "blocks", info_blocks(&census));
	if (disk->layer[0]->image->params.has_parent && options->chain) {
		err = follow(disk);
		tree_add(object, "chain", info_chain(disk));
		tree_flag(object, "chain_complete", !err);
	}
	document_take(object, options->json);
	return 0;
}

static void add_parent(struct json_object *object, const struct disk *disk,
		       u32 nr, bool last)
{
	char text[PATH_MAX + 64], key[32] = "parent";

	if (nr > 1)
		snprintf(key, sizeof(key), "parent of that (%u)", nr);
	snprintf(text, sizeof(text), "%s%s", disk->layer[nr]->path,
		 last ? "; the chain is not complete" : "");
	tree_text(object, key, text);
}

static void add_parents(struct json_object *object, struct disk *disk,
			const struct options *options)
{
	int err;
	u32 i;

	if (!options->chain) {
		tree_text(object, "parent", "was not looked for (--chain)");
		return;
	}
	err = follow(disk);
	for (i = 1; i < disk->depth; i++)
		add_parent(object, disk, i, err && i == disk->depth - 1);
	if (disk->depth == 1)
		tree_text(object, "parent", "cannot be opened");
}

static int print_brief(struct disk *disk, const struct options *options)
{
	struct json_object *object = info_brief(disk->layer[0]);

	if (disk->layer[0]->image->params.has_parent)
		add_parents(object, disk, options);
	document_take(object, false);
	return 0;
}

/**
 * cmd_info() - the verb `info`
 * @options: of the command line
 * @args: the image
 *
 * Only with --all is the BAT read: it may be long. Only with --chain is anything
 * looked for that a stranger's image names.
 *
 * Return: 0 or a negative errno.
 */
int cmd_info(const struct options *options, char **args)
{
	struct disk *disk;
	int err;

	err = parents_suit(options, options->chain);
	if (err)
		return err;
	err = open_image(options, args[0], OPEN_WHILE_WRITTEN, sink_messages(),
			 &disk);
	if (err)
		return err;
	if (options->all || options->json)
		err = print_all(disk, options);
	else
		err = print_brief(disk, options);
	disk_close(disk);
	return err;
}
