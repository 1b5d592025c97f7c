/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock that admits one vhdxsetup process at a time to a device.
 *
 * device-lock.c APIs:
 *   device_lock()	keep other processes from changing a device
 *   device_unlock()
 */
#ifndef DEVICE_LOCK_H
#define DEVICE_LOCK_H

#include "dmdev.h"

int device_lock(const struct dmdev *dev);
void device_unlock(int lock);

#endif /* DEVICE_LOCK_H */
