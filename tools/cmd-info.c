// SPDX-License-Identifier: GPL-2.0-only
/* info: say all that an image says of itself. */
#include "check.h"
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

static struct json_object *chain_tree(const struct disk *disk)
{
	struct json_object *list = tree_list();
	u32 i;

	for (i = 0; i < disk->depth; i++)
		tree_append(list, info_layer(disk->layer[i]));
	return list;
}

/* An image is worth describing also where its parents cannot be opened. */
static void add_chain(struct json_object *object, struct disk *disk)
{
	int err = disk_follow(disk);

	tree_add(object, "chain", chain_tree(disk));
	tree_flag(object, "chain_complete", !err);
	if (err)
		msg_warn("%s: the chain cannot be opened: see above",
			 disk->layer[0]->path);
}

/**
 * cmd_info() - the verb `info`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 or a negative errno.
 */
int cmd_info(const struct options *options, char **args)
{
	struct vhdx_census census = { 0 };
	struct disk *disk;
	struct json_object *object;
	int err;

	err = open_image(options, args[0], OPEN_WHILE_WRITTEN, sink_messages(),
			 &disk);
	if (err)
		return err;
	err = count_blocks(disk->layer[0]->image, &census);
	if (!err) {
		object = info_image(disk->layer[0]);
		tree_add(object, "blocks", info_blocks(&census));
		if (disk->layer[0]->image->params.has_parent)
			add_chain(object, disk);
		tree_print(object, options->json);
		tree_free(object);
	}
	disk_close(disk);
	return err;
}
