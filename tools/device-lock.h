/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock that admits one vhdxsetup process at a time to a device.
 *
 * device-lock.c APIs:
 *   device_lock()	keep other processes from changing a device
 *   device_unlock()
 *   device_lock_path()	the file that is locked
 *   device_lock_directory()	make its directory
 *   device_needs()	is the loaded module new enough?
 */
#ifndef DEVICE_LOCK_H
#define DEVICE_LOCK_H

#include "dmdev.h"

/* Where the files are that are locked. */
#define DEVICE_LOCK_DIRECTORY	"/run/vhdxsetup"
#define DEVICE_LOCK_PATH_MAX	64

int device_lock(struct dmdev *dev);
void device_unlock(int lock);
const char *device_lock_path(const struct dmdev *dev,
			     char path[DEVICE_LOCK_PATH_MAX]);
int device_lock_directory(void);
int device_needs(unsigned int minor, const char *what);

#endif /* DEVICE_LOCK_H */
