/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users of a device: mounts, swap, other devices, processes.
 *
 * users.c APIs:
 *   users_refuse()	check that nobody uses a device
 *   users_mount()	find where a device is mounted
 */
#ifndef USERS_H
#define USERS_H

#include "dmdev.h"

int users_refuse(const char *name, int own);
char *users_mount(const char *name);

#endif /* USERS_H */
