/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image of a device in use, read beside the device.
 *
 * live-image.c APIs:
 *   live_peek()	open an image of a device, to be read
 */
#ifndef LIVE_IMAGE_H
#define LIVE_IMAGE_H

#include "dmdev.h"
#include "open.h"

int live_peek(const struct dmdev *dev, const char *word, struct disk **disk);

#endif /* LIVE_IMAGE_H */
