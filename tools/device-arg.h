/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device that a verb was given.
 *
 * device-arg.c APIs:
 *   device_arg()	find it, and see that it is one of ours
 */
#ifndef DEVICE_ARG_H
#define DEVICE_ARG_H

#include "dmdev.h"

int device_arg(const char *arg, struct dmdev *dev);

#endif /* DEVICE_ARG_H */
