/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as an argument of a verb.
 *
 * device-arg.c APIs:
 *   device_arg()	find the device that an argument names
 *   device_of()	find it, if the argument names one
 */
#ifndef DEVICE_ARG_H
#define DEVICE_ARG_H

#include "dmdev.h"

int device_arg(const char *arg, struct dmdev *dev);
int device_of(const char *arg, struct dmdev *dev);

#endif /* DEVICE_ARG_H */
