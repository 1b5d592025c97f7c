/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses a device?
 *
 * users.c APIs:
 *   users_explain()	say it, and what to do
 */
#ifndef USERS_H
#define USERS_H

#include "dmdev.h"

void users_explain(const struct dmdev *dev);

#endif /* USERS_H */
