/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disk of an image that a verb has made or changed, in its JSON.
 *
 * put-disk.c APIs:
 *   put_disk()		members "image" and "disk"
 */
#ifndef PUT_DISK_H
#define PUT_DISK_H

#include "vhdxsetup.h"

int put_disk(const struct options *options, const char *path);

#endif /* PUT_DISK_H */
