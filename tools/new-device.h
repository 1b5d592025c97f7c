/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new device, of an image that is open.
 *
 * new-device.c APIs:
 *   new_device_name()	check that a device can have a name
 *   new_device()		make the device of an image
 *   new_device_twins()	warn of devices that have the same identity
 */
#ifndef NEW_DEVICE_H
#define NEW_DEVICE_H

#include <linux/dm-ioctl.h>

#include "open.h"
#include "vhdxsetup.h"

/* Bytes for a name. */
#define NEW_DEVICE_NAME	DM_NAME_LEN

int new_device_name(const char *name);
int new_device(struct disk *disk, const struct options *options,
	       char name[NEW_DEVICE_NAME]);
void new_device_twins(const struct disk *disk, const char *name);

#endif /* NEW_DEVICE_H */
