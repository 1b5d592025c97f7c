/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run tells the parts of the tools that tools.c stands in for.
 *
 * tools.c defines the functions of tools/lib/store-user.h, tools/directory.h and
 * tools/progress.h; those of the tools are left out.
 */
#ifndef CHAINS_TOOLS_H
#define CHAINS_TOOLS_H

#include "env.h"

/* Steps of progress until a signal comes; 0: none does. */
extern u32 tools_stop_in;

#endif /* CHAINS_TOOLS_H */
