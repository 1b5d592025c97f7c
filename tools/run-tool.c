// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "run-tool.h"
#include "signals.h"

/*
 * What we run is in sbin, which the PATH of a user who became root by su may
 * lack.
 */
#define SBIN	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void become(const char *const *argv, bool heard)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!heard && !msg_enabled(MSG_VERBOSE))
			dup2(null, STDERR_FILENO);
	}
	setenv("PATH", SBIN, 1);
	/* It may be stopped all the same. */
	signals_let();
	execvp(argv[0], (char *const *)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/**
 * run_tool() - run a program and wait for it
 * @argv: its name and arguments, ended by NULL
 * @heard: its messages are shown; else with -v only
 *
 * Return: its exit code, 127 if it is not installed, or a negative errno: -EINTR
 * if any signal ended it.
 */
int run_tool(const char *const *argv, bool heard)
{
	int status;
	pid_t pid;

	msg_verbose("running %s", argv[0]);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		become(argv, heard);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
