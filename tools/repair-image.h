/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check --repair, before the check.
 *
 * repair-image.c APIs:
 *   repair_image()	mend what can be mended, and say what it was
 */
#ifndef REPAIR_IMAGE_H
#define REPAIR_IMAGE_H

#include "vhdxsetup.h"

int repair_image(const struct options *options, const char *path, bool *mended);

#endif /* REPAIR_IMAGE_H */
