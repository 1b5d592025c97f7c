/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a device. What it could not write is said then, for nobody else tells.
 *
 * end-device.c APIs:
 *   end_device()	remove a device and its partitions, and report its faults
 *   end_device_whole()	remove a device without partitions, and report its faults
 *   end_device_say()	print why a device is not removed
 *   end_device_fault()	print what a device has failed to write
 */
#ifndef END_DEVICE_H
#define END_DEVICE_H

#include "dmdev.h"

int end_device(const struct dmdev *dev);
int end_device_whole(const struct dmdev *dev);
int end_device_say(const struct dmdev *dev, int err);
int end_device_fault(const struct dmdev *dev, const char *fault,
		     bool unwritten);

#endif /* END_DEVICE_H */
