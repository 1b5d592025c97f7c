/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock that admits one vhdxsetup process at a time to a device.
 *
 * device-lock.c APIs:
 *   device_lock()	keep other processes from changing a device
 *   device_unlock()
 *   device_needs()	is the loaded module new enough?
 */
#ifndef DEVICE_LOCK_H
#define DEVICE_LOCK_H

#include "dmdev.h"

int device_lock(struct dmdev *dev);
void device_unlock(int lock);
int device_needs(unsigned int minor, const char *what);

#endif /* DEVICE_LOCK_H */
