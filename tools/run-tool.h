/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running another program.
 *
 * run-tool.c APIs:
 *   run_tool()		run a program and wait for it
 */
#ifndef RUN_TOOL_H
#define RUN_TOOL_H

#include "env.h"

int run_tool(const char *const *argv, char **out, char **errors);

#endif /* RUN_TOOL_H */
