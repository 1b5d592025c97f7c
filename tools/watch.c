// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper counts all events of all devices, and lets a descriptor of its
 * control node be polled for a change of that number, since Linux 4.13.
 * libdevmapper keeps its own descriptor to itself, so this is another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/dm-ioctl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "env.h"
#include "message.h"
#include "watch.h"

/**
 * watch_open() - begin to watch the devices
 *
 * Return: a descriptor, or a negative errno after a message.
 */
int watch_open(void)
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

/**
 * watch_arm() - have what happens from now on end the next wait
 * @fd: from watch_open()
 *
 * Return: 0, or a negative errno after a message.
 */
int watch_arm(int fd)
{
	struct dm_ioctl arm = {
		/* The first version of the interface that has it. */
		.version = { DM_VERSION_MAJOR, 37, 0 },
		.data_size = sizeof(arm),
		.data_start = sizeof(arm),
	};
	int err;

	if (!ioctl(fd, DM_DEV_ARM_POLL, &arm))
		return 0;
	err = -errno;
	msg_err("device-mapper does not tell of events: %s", strerror(-err));
	return err;
}

/**
 * watch_wait() - wait until something happens to any device
 * @fd: from watch_open(), armed
 *
 * Return: 0 or a negative errno, which is -EINTR after a signal.
 */
int watch_wait(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, -1) < 0 ? -errno : 0;
}
