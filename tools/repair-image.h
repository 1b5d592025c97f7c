/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The repair of `check --repair', which precedes the check.
 *
 * repair-image.c APIs:
 *   repair_image()	repair what can be repaired, and report it
 */
#ifndef REPAIR_IMAGE_H
#define REPAIR_IMAGE_H

#include "vhdxsetup.h"

int repair_image(const struct options *options, const char *path, bool *mended);

#endif /* REPAIR_IMAGE_H */
