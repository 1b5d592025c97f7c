// SPDX-License-Identifier: GPL-2.0-only
/* status: say what a device is and what it does. */
#include "contents.h"
#include "device-arg.h"
#include "partitions.h"
#include "status-tree.h"
#include "vhdxsetup.h"

static int add_partition(const struct dmdev *part, void *context)
{
	struct json_object *list = context;
	struct json_object *object = tree_new();

	tree_text(object, "name", part->name);
	tree_number(object, "size", part->sectors << 9);
	tree_number(object, "open_count", (u64)part->open_count);
	tree_append(list, object);
	return 0;
}

/**
 * cmd_status() - the verb `status`
 * @options: of the command line
 * @args: the device's name
 *
 * Return: 0 or a negative errno.
 */
int cmd_status(const struct options *options, char **args)
{
	struct json_object *object, *partitions;
	char path[PATH_MAX];
	struct dmdev dev;
	int err;

	err = device_arg(args[0], &dev);
	if (err)
		return err;
	object = status_device(&dev);
	tree_add(object, "target", status_target(&dev));
	/* Reading a suspended device would wait for its resume. */
	tree_add(object, "contents", dev.suspended ? tree_new() :
		 contents_tree(dmdev_path(dev.name, path)));
	partitions = tree_list();
	err = partitions_each(&dev, add_partition, partitions);
	tree_add(object, "partition", partitions);
	tree_print(object, options->json);
	tree_free(object);
	dmdev_forget(&dev);
	return err;
}
