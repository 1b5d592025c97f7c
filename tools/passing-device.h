/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device of an image for as long as a verb takes, which the rules of udev do not look
 * at.
 *
 * passing-device.c APIs:
 *   passing_device()		make it
 *   passing_device_end()	remove it
 */
#ifndef PASSING_DEVICE_H
#define PASSING_DEVICE_H

#include "dmdev.h"
#include "vhdxsetup.h"

int passing_device(const struct options *options, const char *image,
		   struct dmdev *dev);
int passing_device_end(struct dmdev *dev);

#endif /* PASSING_DEVICE_H */
