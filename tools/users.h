/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users of a device: mounts, swap, other devices, processes.
 *
 * users.c APIs:
 *   users_refuse()	check that nobody uses a device
 */
#ifndef USERS_H
#define USERS_H

#include "dmdev.h"

int users_refuse(const char *name, int own);

#endif /* USERS_H */
