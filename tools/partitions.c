// SPDX-License-Identifier: GPL-2.0-only
#include "exit-codes.h"
#include "message.h"
#include "partitions.h"
#include "run-tool.h"
#include "signals.h"
#include "users.h"

/* One go through a device's partitions. */
struct search {
	u64 parent;
	int (*visit)(const struct dmdev *part, void *context);
	void *context;
};

static int visit_if_partition(const struct dmdev *dev, void *context)
{
	const struct search *search = context;

	if (dev->parent != search->parent || strncmp(dev->uuid, "part", 4))
		return 0;
	return search->visit(dev, search->context);
}

/**
 * partitions_each() - go through the partitions of a device
 * @dev: the device
 * @visit: called for each; nonzero ends it
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno.
 */
int partitions_each(const struct dmdev *dev,
		    int (*visit)(const struct dmdev *part, void *context),
		    void *context)
{
	struct search search = { dmdev_number(dev), visit, context };

	return dmdev_each(visit_if_partition, &search);
}

/**
 * partitions_add() - map the partitions of a device
 * @name: of the device
 * @read_only: as it is
 *
 * Return: 0, also if there are none, or a negative errno after a message, but
 * without one -EINTR, if a signal ended it that we hold, too.
 */
int partitions_add(const char *name, bool read_only)
{
	char path[PATH_MAX];
	const char *const argv[] = { "kpartx", "-a", "-s", "-p", "p",
				     read_only ? "-r" : path,
				     read_only ? path : NULL, NULL };
	int code;

	dmdev_path(name, path);
	code = run_tool(argv, false);
	if (!code)
		return 0;
	if (code == -EINTR && signals_held())
		return code;
	if (code == 127)
		msg_err("kpartx is not installed, so there is nothing to map partitions with");
	else
		msg_err("%s: kpartx cannot map the partitions", name);
	return code == 127 ? -ENOEXEC : -EIO;
}

static int count_one(const struct dmdev *part, void *context)
{
	int *count = context;

	(void)part;
	++*count;
	return 0;
}

/**
 * partitions_count() - how many partitions of a device are mapped
 * @dev: the device, which each of them has open once
 *
 * Return: how many.
 */
int partitions_count(const struct dmdev *dev)
{
	int count = 0;

	(void)partitions_each(dev, count_one, &count);
	return count;
}

static int refuse_used(const struct dmdev *part, void *context)
{
	(void)context;
	return users_refuse(part->name, 0);
}

static int remove_one(const struct dmdev *part, void *context)
{
	const bool *deferred = context;
	int err = dmdev_remove(part->name, *deferred ? DMDEV_REMOVE_DEFERRED :
						       DMDEV_REMOVE_RETRY);

	if (err)
		msg_err("%s: not removed: %s", part->name, strerror(-err));
	return err;
}

/**
 * partitions_remove() - take the partitions of a device away
 * @dev: the device
 * @deferred: those in use go when they no longer are; else nothing goes if one
 *	is
 *
 * Return: 0, or a negative errno after a message; -EBUSY if one is in use.
 */
int partitions_remove(const struct dmdev *dev, bool deferred)
{
	int err = 0;

	if (!deferred)
		err = partitions_each(dev, refuse_used, NULL);
	if (!err)
		err = partitions_each(dev, remove_one, &deferred);
	return err;
}
