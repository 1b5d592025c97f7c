/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses a device?
 *
 * users.c APIs:
 *   users_refuse()	say it, and what to do, if anybody does
 */
#ifndef USERS_H
#define USERS_H

#include "dmdev.h"

int users_refuse(const char *name, int own);

#endif /* USERS_H */
