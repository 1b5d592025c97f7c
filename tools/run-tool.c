// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "run-tool.h"
#include "signals.h"

/* Limit of the output to keep; none of the programs prints so much. */
#define OUTPUT_MAX	(256 << 10)

/* The program must not inherit our held signals. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t mask;
	int err;

	signals_before(&mask);
	err = posix_spawnattr_setsigmask(attributes, &mask);
	return err ? err : posix_spawnattr_setflags(attributes,
						    POSIX_SPAWN_SETSIGMASK);
}

static int spawn(const char *const *argv, posix_spawn_file_actions_t *actions,
		 pid_t *pid)
{
	posix_spawnattr_t attributes;
	int err = posix_spawnattr_init(&attributes);

	if (err)
		return -err;
	err = set_signals(&attributes);
	/* PATH is for the search of the program, and for the program itself. */
	if (!err && setenv("PATH", RUN_TOOL_PATH, 1))
		err = errno;
	if (!err)
		err = posix_spawnp(pid, argv[0], actions, &attributes,
				   (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

/* Run it with empty input, and with output to @out and @errors. */
static int spawn_into(const char *const *argv, int out, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
					       "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out,
						       STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, errors,
						       STDERR_FILENO);
	err = err ? -err : spawn(argv, &actions, pid);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

static int wait_for(pid_t pid, struct tool_end *end)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*end = (struct tool_end){
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};
	return 0;
}

/* Return a memory file as text, for free(), or NULL without memory. */
static char *text_of(int fd)
{
	char *text = malloc(OUTPUT_MAX + 1);
	ssize_t n = text ? pread(fd, text, OUTPUT_MAX, 0) : -1;

	if (text)
		text[max_t(ssize_t, n, 0)] = '\0';
	return text;
}

static void say_verbose(char *text)
{
	char *line, *rest = text;

	while (text && (line = strsep(&rest, "\n")))
		if (*line)
			msg_verbose("%s", line);
	free(text);
}

/**
 * run_tool() - run a program and wait for it
 * @argv: its name and arguments, ended by NULL
 * @end: set to how it ended
 * @out: set to its standard output, for free(); or NULL
 * @errors: set to its standard error, for free(); if NULL, print that with -v
 *
 * The output goes to memory files and not to pipes, so that a process in the
 * background cannot delay us. Always sets @out and @errors, to NULL without
 * memory.
 *
 * Return: 0 if the program ran, even if it failed; -ENOENT if it is not
 * installed; or another negative errno.
 */
int run_tool(const char *const *argv, struct tool_end *end, char **out,
	     char **errors)
{
	int fds[2] = { memfd_create("out", MFD_CLOEXEC),
		       memfd_create("errors", MFD_CLOEXEC) };
	char *texts[2] = { NULL, NULL };
	int result = -errno;
	pid_t pid;
	size_t i;

	msg_verbose("running %s", argv[0]);
	if (fds[0] >= 0 && fds[1] >= 0)
		result = spawn_into(argv, fds[0], fds[1], &pid);
	if (!result)
		result = wait_for(pid, end);
	for (i = 0; i < 2; i++) {
		if (fds[i] < 0)
			continue;
		texts[i] = text_of(fds[i]);
		close(fds[i]);
	}
	if (out)
		*out = texts[0];
	else
		free(texts[0]);
	if (errors)
		*errors = texts[1];
	else
		say_verbose(texts[1]);
	return result;
}
