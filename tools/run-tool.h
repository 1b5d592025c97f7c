/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run another program.
 *
 * run-tool.c APIs:
 *   run_tool()		run a program and wait for it
 *   run_tool_or_say()	run one that does a part of the work, and say its failure
 *   run_tool_say()	say that a program is run, and how
 */
#ifndef RUN_TOOL_H
#define RUN_TOOL_H

#include "env.h"

/*
 * The programs are in sbin. After su, root's PATH may lack that.
 */
#define RUN_TOOL_PATH	\
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

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
int run_tool_or_say(const char *const *argv, const char *input, int most);
void run_tool_say(const char *const *argv);

#endif /* RUN_TOOL_H */
