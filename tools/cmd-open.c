// SPDX-License-Identifier: GPL-2.0-only
/*
 * open: attach an image as a block device. The helper opens the images before
 * the kernel does, because it can report their faults in full.
 */
#include "dmdev.h"
#include "document.h"
#include "findings.h"
#include "message.h"
#include "module.h"
#include "new-device.h"
#include "open-image.h"
#include "partition-tree.h"
#include "partitions.h"
#include "status-tree.h"

static int print_partition(const struct dmdev *part, void *context)
{
	char path[PATH_MAX];

	(void)context;
	puts(dmdev_path(part->name, path));
	return 0;
}

/* As `status', without the members that need reads of the device. */
static void put_json(const char *name)
{
	struct json_object *partitions;
	struct dmdev dev;

	/* Another program may have removed it since. */
	if (dmdev_query(name, &dev)) {
		document_put("name", tree_string(name));
		return;
	}
	document_take(status_device(&dev), true);
	(void)partition_tree(&dev, -1, &partitions);
	document_put("partitions", partitions);
	dmdev_forget(&dev);
}

static void announce(const struct options *options, const char *name)
{
	char path[PATH_MAX];
	struct dmdev dev;

	if (options->json) {
		put_json(name);
		return;
	}
	puts(dmdev_path(name, path));
	if (options->partitions && !dmdev_query(name, &dev)) {
		(void)partitions_each(&dev, print_partition, NULL);
		dmdev_forget(&dev);
	}
}

static int open_device(struct disk *disk, const struct options *options,
		       const char *arg)
{
	char name[NEW_DEVICE_NAME] = "";
	int err;

	err = dmdev_begin();
	if (!err && arg)
		err = new_device_name(arg);
	if (!err)
		err = module_ready();
	if (!err) {
		snprintf(name, sizeof(name), "%s", arg ? arg : "");
		err = new_device(disk, options, name);
	}
	if (err == -EEXIST)
		msg_err("%s: a device of this name exists", arg ? arg : name);
	if (!err && !options->private)
		new_device_twins(disk, name);
	if (!err)
		announce(options, name);
	return err;
}

/**
 * cmd_open() - the verb `open`
 * @options: of the command line
 * @args: the image, and the name of the device, or NULL to choose one
 *
 * Return: 0 or a negative errno.
 */
int cmd_open(const struct options *options, char **args)
{
	struct disk *disk;
	int err;

	if (options->no_discard && options->discard_granularity) {
		msg_err("--no-discard and --discard-granularity exclude each other");
		return -EINVAL;
	}
	if (options->private && options->partitions) {
		msg_err("--private and --partitions exclude each other: kpartx makes devices that the rules of udev look at");
		return -EINVAL;
	}
	err = parents_suit(options, true);
	if (err)
		return err;
	err = open_image(options, args[0], OPEN_IDLE, sink_messages(), &disk);
	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = open_device(disk, options, args[1]);
	disk_close(disk);
	return err;
}
