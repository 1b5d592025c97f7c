/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the share that an image lies on, of a file server, can be trusted with it.
 *
 * share.c APIs:
 *   share_check()	refuse to write where writes would be lost
 *   share_check_like()	the same, of an image that takes the place of another
 */
#ifndef SHARE_H
#define SHARE_H

#include <sys/types.h>

int share_check(dev_t device, const char *path);
int share_check_like(const char *path, const char *old);

#endif /* SHARE_H */
