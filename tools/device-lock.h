/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program at a time changes a device.
 *
 * device-lock.c APIs:
 *   device_lock()	keep others of this program from changing a device
 *   device_unlock()
 */
#ifndef DEVICE_LOCK_H
#define DEVICE_LOCK_H

#include "dmdev.h"

int device_lock(const struct dmdev *dev);
void device_unlock(int lock);

#endif /* DEVICE_LOCK_H */
