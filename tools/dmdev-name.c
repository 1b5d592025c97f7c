// SPDX-License-Identifier: GPL-2.0-only
#include <libdevmapper.h>
#include <sys/sysmacros.h>

#include "dmdev.h"

/**
 * dmdev_path() - make the path of a device
 * @name: name of the device
 * @path: filled in
 *
 * Return: @path.
 */
const char *dmdev_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", dm_dir(), name);
	return path;
}

/**
 * dmdev_name_of() - find the name of a device in an argument
 * @arg: a path in /dev/mapper, or the name itself
 *
 * Return: the name, which is part of @arg.
 */
const char *dmdev_name_of(const char *arg)
{
	size_t len = strlen(dm_dir());

	if (!strncmp(arg, dm_dir(), len) && arg[len] == '/')
		return arg + len + 1;
	return arg;
}

/**
 * dmdev_block_name() - find the kernel's name of a block device
 * @device: number of any block device
 * @name: filled in
 * @size: bytes in @name
 *
 * Return: false if there is no such device.
 */
bool dmdev_block_name(dev_t device, char *name, size_t size)
{
	return dm_device_get_name(major(device), minor(device), 1, name, size);
}
