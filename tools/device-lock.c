// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device-lock.h"
#include "exit-codes.h"
#include "message.h"
#include "vhdxsetup.h"

/* It may have changed before it was locked. */
static int look_again(struct dmdev *dev)
{
	struct dmdev now;
	int err = dmdev_query(dev->name, &now);

	if (err)
		return err;
	dmdev_forget(dev);
	*dev = now;
	if (dmdev_is_vhdx(dev))
		return 0;
	msg_err("%s: is no device made of a VHDX image any more", dev->name);
	return -ENXIO;
}

/**
 * device_lock_path() - find the file that device_lock() locks
 * @dev: the device
 * @path: receives its path
 *
 * Return: @path.
 */
const char *device_lock_path(const struct dmdev *dev,
			     char path[DEVICE_LOCK_PATH_MAX])
{
	snprintf(path, DEVICE_LOCK_PATH_MAX, DEVICE_LOCK_DIRECTORY "/%u:%u",
		 dev->major, dev->minor);
	return path;
}

/**
 * device_lock_directory() - make the directory of these files
 *
 * Return: 0, or a negative errno after a message.
 */
int device_lock_directory(void)
{
	int err;

	if (!mkdir(DEVICE_LOCK_DIRECTORY, 0755) || errno == EEXIST)
		return 0;
	err = -errno;
	msg_err("%s: cannot be made: %s", DEVICE_LOCK_DIRECTORY,
		strerror(-err));
	return err;
}

/**
 * device_lock() - keep other vhdxsetup processes from changing a device
 * @dev: the device; it is queried again under the lock
 *
 * Locks a file of its own, because udev would delay the events that we wait for
 * if the block device were locked. The file is never removed: otherwise two
 * processes could lock different files.
 *
 * Return: a descriptor for device_unlock(), or a negative errno after a
 * message: -EBUSY if another process has the lock.
 */
int device_lock(struct dmdev *dev)
{
	char path[DEVICE_LOCK_PATH_MAX];
	int fd, err = device_lock_directory();

	if (err)
		return err;
	fd = open(device_lock_path(dev, path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		msg_err("%s: %s", path, strerror(-err));
		return err;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		err = look_again(dev);
		if (!err)
			return fd;
		close(fd);
		return err;
	}
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err == -EBUSY)
		msg_err("%s: another snapshot, merge or resize of it is under way; `vhdxsetup status %s' shows a merge",
			dev->name, dev->name);
	else
		msg_err("%s: cannot be locked: %s", path, strerror(-err));
	close(fd);
	return err;
}

/**
 * device_unlock() - drop the lock of a device
 * @lock: from device_lock()
 */
void device_unlock(int lock)
{
	close(lock);
}

/**
 * device_needs() - is the loaded module new enough?
 * @minor: the target's version that it must have
 * @what: what it is needed for
 *
 * Return: 0, or a negative errno after a message.
 */
int device_needs(unsigned int minor, const char *what)
{
	u32 version[3];
	int err = dmdev_target(TARGET_TYPE, version);

	if (err || version[0] != TARGET_MAJOR || version[1] >= minor)
		return err;
	msg_err("the loaded module has target version %u.%u.%u, but %s needs %u.%u",
		version[0], version[1], version[2], what, TARGET_MAJOR, minor);
	return -ENOTARGET;
}
