// SPDX-License-Identifier: GPL-2.0-only
/* stats: what devices counted. */
#include "device-arg.h"
#include "document.h"
#include "metrics.h"
#include "verbs.h"

static int add(const struct dmdev *dev, void *context)
{
	if (dmdev_is_vhdx(dev))
		tree_append(context, metrics_device(dev));
	return 0;
}

/* One device, or all. */
static int collect(const char *arg, struct json_object *devices)
{
	struct dmdev dev;
	int err = arg ? device_arg(arg, &dev) : dmdev_begin();

	if (err)
		return err;
	if (!arg)
		return dmdev_each(add, devices);
	err = add(&dev, devices);
	dmdev_forget(&dev);
	return err;
}

/**
 * cmd_stats() - the verb `stats`
 * @options: of the command line
 * @args: a device's name, or its image; without it, all devices
 *
 * Return: 0 or a negative errno.
 */
int cmd_stats(const struct options *options, char **args)
{
	struct json_object *object, *devices = tree_list();
	int err = collect(args[0], devices);

	if (err) {
		tree_free(devices);
		return err;
	}
	if (options->prometheus) {
		metrics_prometheus(stdout, devices);
		tree_free(devices);
		return 0;
	}
	object = tree_new();
	tree_add(object, "devices", devices);
	document_take(object, options->json);
	return 0;
}
