// SPDX-License-Identifier: GPL-2.0-only
/* status: print the properties and the state of a device. */
#include <unistd.h>

#include "contents.h"
#include "device-arg.h"
#include "document.h"
#include "merge-state.h"
#include "partition-tree.h"
#include "status-tree.h"
#include "vhdxsetup.h"

/**
 * cmd_status() - the verb `status`
 * @options: of the command line
 * @args: the device's name, or its image
 *
 * Return: 0 or a negative errno.
 */
int cmd_status(const struct options *options, char **args)
{
	struct json_object *object, *target, *partitions;
	struct merge_seen seen;
	char path[PATH_MAX];
	struct dmdev dev;
	int fd, err;

	err = device_arg(args[0], &dev);
	if (err)
		return err;
	/* A read of a suspended device would wait for its resume. */
	fd = dev.suspended ? -1 : contents_open(dmdev_path(dev.name, path));
	object = status_device(&dev);
	target = tree_new();
	status_add_target(target, &dev);
	tree_add(object, "target", target);
	merge_state_look(&dev, &seen);
	if (seen.tree)
		tree_add(object, "merge", seen.tree);
	tree_add(object, "contents", contents_tree(fd));
	err = partition_tree(&dev, fd, &partitions);
	tree_add(object, "partitions", partitions);
	document_take(object, options->json);
	if (fd >= 0)
		close(fd);
	dmdev_forget(&dev);
	return err;
}
