// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper counts all events of all devices, and lets a descriptor of its
 * control node be polled for a change of that number, since Linux 4.13.
 * libdevmapper keeps its own descriptor to itself, so this is another one.
 *
 * A merge writes into a file how far it is, see merge-state.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/dm-ioctl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device-lock.h"
#include "env.h"
#include "message.h"
#include "watch.h"

static int open_devices(void)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dm_dir(), DM_CONTROL_NODE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = -errno;
	msg_err("%s: cannot be opened: %s", path, strerror(-fd));
	return fd;
}

static int open_merges(void)
{
	int fd, err = device_lock_directory();

	if (err)
		return err;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd >= 0 && inotify_add_watch(fd, DEVICE_LOCK_DIRECTORY,
					 IN_MODIFY | IN_CLOSE_WRITE) >= 0)
		return fd;
	err = -errno;
	msg_err("%s: cannot be watched: %s", DEVICE_LOCK_DIRECTORY,
		strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * watch_open() - begin to watch the devices
 * @watch: filled in
 *
 * Return: 0, or a negative errno after a message.
 */
int watch_open(struct watch *watch)
{
	watch->devices = open_devices();
	if (watch->devices < 0)
		return watch->devices;
	watch->merges = open_merges();
	if (watch->merges >= 0)
		return 0;
	close(watch->devices);
	return watch->merges;
}

/* What was written so far is looked at now. */
static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/**
 * watch_arm() - have what happens from now on end the next wait
 * @watch: from watch_open()
 *
 * Return: 0, or a negative errno after a message.
 */
int watch_arm(const struct watch *watch)
{
	struct dm_ioctl arm = {
		/* The first version of the interface that has it. */
		.version = { DM_VERSION_MAJOR, 37, 0 },
		.data_size = sizeof(arm),
		.data_start = sizeof(arm),
	};
	int err;

	drain(watch->merges);
	if (!ioctl(watch->devices, DM_DEV_ARM_POLL, &arm))
		return 0;
	err = -errno;
	msg_err("device-mapper does not tell of events: %s", strerror(-err));
	return err;
}

/**
 * watch_wait() - wait until something happens to any device
 * @watch: from watch_open(), armed
 * @msecs: milliseconds to wait at most; -1 for no limit
 *
 * Return: 0 or a negative errno, which is -EINTR after a signal.
 */
int watch_wait(const struct watch *watch, int msecs)
{
	struct pollfd pollers[] = {
		{ .fd = watch->devices, .events = POLLIN },
		{ .fd = watch->merges, .events = POLLIN },
	};

	return poll(pollers, ARRAY_SIZE(pollers), msecs) < 0 ? -errno : 0;
}

/**
 * watch_close() - end
 * @watch: from watch_open()
 */
void watch_close(const struct watch *watch)
{
	close(watch->merges);
	close(watch->devices);
}
