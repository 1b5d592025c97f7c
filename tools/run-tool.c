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

/*
 * What we run is in sbin, which the PATH of a user who became root by su may
 * lack.
 */
#define SBIN	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A program that prints more than this is not one that we run. */
#define OUTPUT_MAX	(256 << 10)

/* Signals that we hold may stop the program all the same. */
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
	/* Both who looks for the program and the program itself want it. */
	if (!err && setenv("PATH", SBIN, 1))
		err = errno;
	if (!err)
		err = posix_spawnp(pid, argv[0], actions, &attributes,
				   (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

/* Its input is empty, and its output goes to @out and @errors. */
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

/* All of a file in memory as a text, for free(); NULL without memory. */
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
 * @end: how it ended, if it was run
 * @out: what it prints on standard output, for free(), or NULL
 * @errors: and on standard error, for free(); NULL: shown with -v
 *
 * What is printed is kept in memory, not read from a pipe: no program that runs
 * on in the background keeps us waiting. @out and @errors are set always, to
 * NULL if there is no memory.
 *
 * Return: 0 if it was run, whatever came of it; -ENOENT if it is not installed,
 * or another negative errno.
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
