/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sizes on the command line: 512, 4096, 300M.
 *
 * size-arg.c APIs:
 *   size_arg()		parse a size
 */
#ifndef SIZE_ARG_H
#define SIZE_ARG_H

#include "env.h"

int size_arg(const char *option, const char *text, u64 *bytes);

#endif /* SIZE_ARG_H */
