/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the share that an image lies on, of a file server, can be trusted with it.
 *
 * share.c APIs:
 *   share_check()	refuse to write where writes would be lost
 */
#ifndef SHARE_H
#define SHARE_H

#include <sys/types.h>

int share_check(dev_t device, const char *path);

#endif /* SHARE_H */
