/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run another program.
 *
 * run-tool.c APIs:
 *   run_tool()		run a program and wait for it
 */
#ifndef RUN_TOOL_H
#define RUN_TOOL_H

#include "env.h"

/**
 * struct tool_end - how a program ended
 * @status: exit status, if no signal ended it
 * @signal: signal that ended it, or 0
 */
struct tool_end {
	int status;
	int signal;
};

int run_tool(const char *const *argv, struct tool_end *end, char **out,
	     char **errors);

#endif /* RUN_TOOL_H */
