// SPDX-License-Identifier: GPL-2.0-only
/* close: remove a device, and its partitions first. */
#include "device-arg.h"
#include "message.h"
#include "partitions.h"
#include "status-tree.h"
#include "users.h"
#include "vhdxsetup.h"

static int remove_device(const struct dmdev *dev, bool deferred)
{
	int err = dmdev_remove(dev->name, deferred);

	if (err == -EBUSY)
		users_explain(dev);
	else if (err)
		msg_err("%s: not removed: %s", dev->name, strerror(-err));
	return err;
}

/* After the partitions went, what still has it open is somebody else. */
static int refuse_used(const char *name)
{
	struct dmdev dev;
	int err = device_arg(name, &dev);

	if (err)
		return err;
	if (dev.open_count) {
		users_explain(&dev);
		err = -EBUSY;
	}
	dmdev_forget(&dev);
	return err;
}

/* What was written since is lost, and the log must be replayed. */
static void warn_of_fault(const struct dmdev *dev)
{
	char *fault = status_fault(dev);

	if (fault)
		msg_warn("%s: writing to the image has failed: %s", dev->name,
			 fault);
	free(fault);
}

static void say_deferred(const char *name)
{
	struct dmdev dev;

	if (dmdev_query(name, &dev))
		return;
	msg_info("%s is in use and will go when it no longer is", name);
	dmdev_forget(&dev);
}

/**
 * cmd_close() - the verb `close`
 * @options: of the command line
 * @args: the device's name
 *
 * Return: 0 or a negative errno.
 */
int cmd_close(const struct options *options, char **args)
{
	struct dmdev dev;
	int err;

	err = device_arg(args[0], &dev);
	if (err)
		return err;
	warn_of_fault(&dev);
	err = partitions_remove(&dev, options->deferred);
	if (!err && dev.open_count && !options->deferred)
		err = refuse_used(dev.name);
	if (!err)
		err = remove_device(&dev, options->deferred);
	if (!err && options->deferred)
		say_deferred(dev.name);
	dmdev_forget(&dev);
	return err;
}
