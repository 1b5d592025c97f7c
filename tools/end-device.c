// SPDX-License-Identifier: GPL-2.0-only
#include "end-device.h"
#include "merge-stop.h"
#include "message.h"
#include "partitions.h"
#include "signals.h"
#include "status-tree.h"
#include "users.h"

/* Attempts to suspend the device while others open it. */
#define TRIES	5

/**
 * end_device_say() - print why a device is not removed
 * @dev: the device
 * @err: 0 or a negative errno
 *
 * Return: @err.
 */
int end_device_say(const struct dmdev *dev, int err)
{
	if (err)
		msg_err("%s: not removed: %s", dev->name, strerror(-err));
	return err;
}

/**
 * end_device_fault() - print what a device has failed to write
 * @dev: the device
 * @fault: why, from status_fault()
 * @unwritten: it was never written, and has lost nothing
 *
 * Return: 0 or -EIO.
 */
int end_device_fault(const struct dmdev *dev, const char *fault, bool unwritten)
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
		return end_device_say(dev, err);
	fault = fault_now(dev->name, &unwritten);
	err = dmdev_remove(dev->name, DMDEV_REMOVE_AT_ONCE);
	if (err && err != -ENXIO && !suspended)
		resume_again(dev->name);
	if (err && err != -EBUSY)
		end_device_say(dev, err);
	/*
	 * Another attempt would fail as well, so remove the device all the
	 * same.
	 */
	if (!err && fault)
		err = end_device_fault(dev, fault, unwritten);
	free(fault);
	return err;
}

/**
 * end_device_whole() - remove a device without partitions, and report its faults
 * @dev: the device
 *
 * Holds signals: one in between would leave a suspended device.
 *
 * Return: 0 or a negative errno after a message, but without one -EBUSY, if the device
 * is in use.
 */
int end_device_whole(const struct dmdev *dev)
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
		err = end_device_whole(dev);
		if (err != -EBUSY)
			return err;
	}
	return end_device_say(dev, err);
}

/**
 * end_device() - remove a device and its partitions, and report its faults
 * @dev: the device
 *
 * Removes nothing if one of them is in use.
 *
 * Return: 0 or a negative errno after a message.
 */
int end_device(const struct dmdev *dev)
{
	int err;

	/* Test this before removing partitions: remove all or nothing. */
	err = users_refuse(dev->name, partitions_count(dev));
	if (!err)
		err = merge_stop_first(dev);
	if (!err)
		err = partitions_remove(dev, false);
	if (!err)
		err = remove_device(dev);
	return err;
}
