// SPDX-License-Identifier: GPL-2.0-only
/* create: make a new image, or leave nothing behind. */
#include "create-plan.h"
#include "message.h"
#include "put-disk.h"
#include "tree.h"

static void announce(const struct create_plan *plan)
{
	const struct vhdx_create *create = &plan->new.create;
	char size[32], block[32];

	msg_info("%s: a %s disk of %s in blocks of %s%s%s", plan->new.path,
		 plan->parent ? "differencing" :
		 create->fixed ? "fixed" : "dynamic",
		 tree_size_words(create->size, size, sizeof(size)),
		 tree_size_words(create->block_size, block, sizeof(block)),
		 plan->parent_name ? ", on " : "",
		 plan->parent_name ? plan->parent_name : "");
}

/**
 * cmd_create() - the verb `create`
 * @options: of the command line
 * @args: the file or block device
 *
 * Return: 0 or a negative errno.
 */
int cmd_create(const struct options *options, char **args)
{
	struct create_plan plan;
	int err = create_plan(&plan, options, args[0]);

	if (!err)
		err = new_image_make(&plan.new);
	if (!err)
		announce(&plan);
	create_plan_end(&plan);
	return !err && options->json ? put_disk(options, args[0]) : err;
}
