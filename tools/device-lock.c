// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "device-lock.h"
#include "message.h"

/**
 * device_lock() - keep other vhdxsetup processes from changing a device
 * @dev: the device; the caller must query it again under the lock
 *
 * Locks a file of its own, because udev would delay the events that we wait for
 * if the block device were locked. The file is never removed: otherwise two
 * processes could lock different files.
 *
 * Return: a descriptor for device_unlock(), or a negative errno after a
 * message: -EBUSY if another process has the lock.
 */
int device_lock(const struct dmdev *dev)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/run/vhdxsetup-%u:%u.lock", dev->major,
		 dev->minor);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		msg_err("%s: %s", path, strerror(-err));
		return err;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err == -EBUSY)
		msg_err("%s: another snapshot of it is under way", dev->name);
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
