/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON members that describe the disk which a verb has made or changed.
 *
 * put-disk.c APIs:
 *   put_disk()		print the members "image" and "disk"
 */
#ifndef PUT_DISK_H
#define PUT_DISK_H

#include "vhdxsetup.h"

int put_disk(const struct options *options, const char *path);

#endif /* PUT_DISK_H */
