/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image of a device in use, read beside the device.
 *
 * live-image.c APIs:
 *   live_peek()	open an image of a device, to be read
 *   live_path()	find a path of an image of a device
 */
#ifndef LIVE_IMAGE_H
#define LIVE_IMAGE_H

#include <limits.h>

#include "dmdev.h"
#include "open.h"

const char *live_path(const char *word, char path[PATH_MAX]);
int live_peek(const struct dmdev *dev, const char *word, struct disk **disk);

#endif /* LIVE_IMAGE_H */
