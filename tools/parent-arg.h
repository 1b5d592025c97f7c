/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image that --parent makes the parent of another one.
 *
 * parent-arg.c APIs:
 *   parent_arg_open()	open the image and its chain
 */
#ifndef PARENT_ARG_H
#define PARENT_ARG_H

#include "open.h"
#include "vhdxsetup.h"

int parent_arg_open(const struct options *options, struct disk **opened);

#endif /* PARENT_ARG_H */
