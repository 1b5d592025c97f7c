// SPDX-License-Identifier: GPL-2.0-only
/* close: remove the partitions of a device, and then the device. */
#include <unistd.h>

#include "clock.h"
#include "device-arg.h"
#include "document.h"
#include "end-device.h"
#include "merge-stop.h"
#include "message.h"
#include "partitions.h"
#include "status-tree.h"
#include "vhdxsetup.h"

#define NSECS_PER_SEC	1000000000ULL
#define LOOK_USECS	100000

static int count_users(const struct dmdev *part, void *context)
{
	int *users = context;

	/* It has the device open itself. */
	*users += part->open_count - 1;
	return 0;
}

/* Of the device and of its partitions. */
static bool is_used(const char *name)
{
	struct dmdev dev;
	int users;

	if (dmdev_query(name, &dev))
		return false;
	users = dev.open_count;
	(void)partitions_each(&dev, count_users, &users);
	dmdev_forget(&dev);
	return users > 0;
}

/* Who is there when the time is over is for users_refuse() to name. */
static void wait_for_users(const char *name, unsigned long seconds)
{
	u64 end = clock_nsecs() + seconds * NSECS_PER_SEC;

	while (clock_nsecs() < end && is_used(name))
		usleep(LOOK_USECS);
}

/* A device in use is removed later, when nobody reads a result any more. */
static int close_deferred(const struct dmdev *dev)
{
	struct dmdev now;
	char *fault;
	bool used;
	int err;

	err = merge_stop_first(dev);
	if (!err)
		err = partitions_remove(dev, true);
	if (err)
		return err;
	err = dmdev_query(dev->name, &now);
	if (err)
		return end_device_say(dev, err);
	used = now.open_count > 0;
	dmdev_forget(&now);
	if (!used) {
		err = end_device_whole(dev);
		/* A program may have opened it meanwhile. */
		if (err != -EBUSY)
			return err;
	}
	err = dmdev_remove(dev->name, DMDEV_REMOVE_DEFERRED);
	if (err)
		return end_device_say(dev, err);
	msg_info("%s is in use; its last close removes it", dev->name);
	fault = status_fault(dev);
	if (fault)
		err = end_device_fault(dev, fault, status_unwritten(dev));
	free(fault);
	return err;
}

/* A deferred removal leaves the device until its last user closes it. */
static void put_json(const char *name)
{
	struct dmdev dev;
	bool there = !dmdev_query(name, &dev);

	document_put("name", tree_string(name));
	document_put("removed", tree_boolean(!there));
	if (there)
		dmdev_forget(&dev);
}

/**
 * cmd_close() - the verb `close`
 * @options: of the command line
 * @args: the device
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
	wait_for_users(dev.name, options->wait);
	err = options->deferred ? close_deferred(&dev) : end_device(&dev);
	if (options->json)
		put_json(dev.name);
	dmdev_forget(&dev);
	return err;
}
