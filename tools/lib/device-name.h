/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of block devices that still lead to them after a restart. The kernel's
 * own names, such as /dev/sdb or /dev/loop0, count devices as they appear, and so do
 * names that were made up for device-mapper, such as /dev/mapper/vhdx0 or loop0p1.
 *
 * device-name.c APIs:
 *   device_name()	find a lasting name of a block device
 *   device_name_given()	take a name, if it lasts
 */
#ifndef DEVICE_NAME_H
#define DEVICE_NAME_H

#include <sys/types.h>

#include "env.h"

char *device_name(const char *path, dev_t device, bool (*fits)(const char *name));
char *device_name_given(const char *path, dev_t device,
			bool (*fits)(const char *name));

#endif /* DEVICE_NAME_H */
