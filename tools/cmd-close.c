// SPDX-License-Identifier: GPL-2.0-only
/* close: remove the partitions of a device, and then the device. */
#include <unistd.h>

#include "clock.h"
#include "device-arg.h"
#include "document.h"
#include "message.h"
#include "partitions.h"
#include "signals.h"
#include "status-tree.h"
#include "users.h"
#include "vhdxsetup.h"

/* Attempts to suspend the device while others open it. */
#define TRIES	5

#define NSECS_PER_SEC	1000000000ULL
#define LOOK_USECS	100000

static int say_removal(const struct dmdev *dev, int err)
{
	if (err)
		msg_err("%s: not removed: %s", dev->name, strerror(-err));
	return err;
}

/* A device that was never written has lost nothing. */
static int say_fault(const struct dmdev *dev, const char *fault, bool unwritten)
{
	if (unwritten) {
		msg_warn("%s: the device was read-only, and nothing was written to the image: %s",
			 dev->name, fault);
		return 0;
	}
	msg_err("%s: writing to the image has failed: %s; writes that no flush has covered may be lost",
		dev->name, fault);
	return -EIO;
}

/* Return why the image lacks writes, for free(), or NULL. */
static char *fault_now(const char *name, bool *unwritten)
{
	struct dmdev dev;
	char *fault;

	if (dmdev_query(name, &dev))
		return NULL;
	fault = status_fault(&dev);
	*unwritten = status_unwritten(&dev);
	dmdev_forget(&dev);
	return fault;
}

static void resume_again(const char *name)
{
	int err = dmdev_resume(name);

	/* Another program may have removed it meanwhile. */
	if (err && err != -ENXIO)
		msg_err("%s: stays suspended: `dmsetup resume %s' ends that",
			name, name);
}

/*
 * A suspend ends the session, as a removal does. Only a device that still
 * exists can report whether that succeeded, so suspend it first. If a program
 * opens it meanwhile, its I/O would wait for ever: then resume the device,
 * unless it was suspended before.
 */
static int remove_asked(const struct dmdev *dev)
{
	bool suspended = false, unwritten = false;
	struct dmdev now;
	char *fault;
	int err;

	err = dmdev_query(dev->name, &now);
	if (!err) {
		suspended = now.suspended;
		dmdev_forget(&now);
		err = dmdev_suspend(dev->name);
	}
	if (err)
		return say_removal(dev, err);
	fault = fault_now(dev->name, &unwritten);
	err = dmdev_remove(dev->name, DMDEV_REMOVE_AT_ONCE);
	if (err && err != -ENXIO && !suspended)
		resume_again(dev->name);
	if (err && err != -EBUSY)
		say_removal(dev, err);
	/*
	 * Another attempt would fail as well, so remove the device all the
	 * same.
	 */
	if (!err && fault)
		err = say_fault(dev, fault, unwritten);
	free(fault);
	return err;
}

/* Hold signals: one in between would leave a suspended device. */
static int remove_whole(const struct dmdev *dev)
{
	int err;

	signals_hold();
	err = remove_asked(dev);
	signals_let();
	return err;
}

static int remove_device(const struct dmdev *dev)
{
	int err, tries;

	for (tries = 0; tries < TRIES; tries++) {
		err = users_refuse(dev->name, 0);
		if (err)
			return err;
		err = remove_whole(dev);
		if (err != -EBUSY)
			return err;
	}
	return say_removal(dev, err);
}

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

static int close_now(const struct dmdev *dev)
{
	int err;

	/* Test this before removing partitions: remove all or nothing. */
	err = users_refuse(dev->name, partitions_count(dev));
	if (!err)
		err = partitions_remove(dev, false);
	if (!err)
		err = remove_device(dev);
	return err;
}

/* A device in use is removed later, when nobody reads a result any more. */
static int close_deferred(const struct dmdev *dev)
{
	struct dmdev now;
	char *fault;
	bool used;
	int err;

	err = partitions_remove(dev, true);
	if (err)
		return err;
	err = dmdev_query(dev->name, &now);
	if (err)
		return say_removal(dev, err);
	used = now.open_count > 0;
	dmdev_forget(&now);
	if (!used) {
		err = remove_whole(dev);
		/* A program may have opened it meanwhile. */
		if (err != -EBUSY)
			return err;
	}
	err = dmdev_remove(dev->name, DMDEV_REMOVE_DEFERRED);
	if (err)
		return say_removal(dev, err);
	msg_info("%s is in use; its last close removes it", dev->name);
	fault = status_fault(dev);
	if (fault)
		err = say_fault(dev, fault, status_unwritten(dev));
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
	err = options->deferred ? close_deferred(&dev) : close_now(&dev);
	if (options->json)
		put_json(dev.name);
	dmdev_forget(&dev);
	return err;
}
