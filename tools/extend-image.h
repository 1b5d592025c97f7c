/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mend a file that was cut short: give it its length back.
 *
 * extend-image.c APIs:
 *   extend_image()	say what is lost, ask, and extend the file
 */
#ifndef EXTEND_IMAGE_H
#define EXTEND_IMAGE_H

#include "open.h"

int extend_image(struct layer *layer, bool yes);

#endif /* EXTEND_IMAGE_H */
