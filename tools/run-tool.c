// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit-codes.h"
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

/* Run it with input from @in, or an empty one, and with output to @out and @errors. */
static int spawn_into(const char *const *argv, int in, int out, int errors,
		      pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	if (in >= 0)
		err = posix_spawn_file_actions_adddup2(&actions, in,
						       STDIN_FILENO);
	else
		err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
						       "/dev/null", O_RDONLY,
						       0);
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
 * run_tool_say() - say that a program is run, and how
 * @argv: its name and arguments, ended by NULL
 */
void run_tool_say(const char *const *argv)
{
	char *line = NULL;
	size_t i, size;
	FILE *out = open_memstream(&line, &size);

	msg_verbose("running %s", argv[0]);
	if (!out)
		return;
	for (i = 0; argv[i]; i++)
		fprintf(out, " '%s'", argv[i]);
	if (!fclose(out))
		msg_debug("the command:%s", line);
	free(line);
}

static int run(const char *const *argv, int in, struct tool_end *end,
	       char **out, char **errors)
{
	int fds[2] = { memfd_create("out", MFD_CLOEXEC),
		       memfd_create("errors", MFD_CLOEXEC) };
	char *texts[2] = { NULL, NULL };
	int result = -errno;
	pid_t pid;
	size_t i;

	run_tool_say(argv);
	if (fds[0] >= 0 && fds[1] >= 0)
		result = spawn_into(argv, in, fds[0], fds[1], &pid);
	if (!result)
		result = wait_for(pid, end);
	if (!result)
		msg_debug("%s: exit status %d, signal %d", argv[0],
			  end->status, end->signal);
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

/**
 * run_tool() - run a program and wait for it
 * @argv: its name and arguments, ended by NULL
 * @end: set to how it ended
 * @out: set to its standard output, for free(); or NULL
 * @errors: set to its standard error, for free(); if NULL, print that with -v
 *
 * Its input is empty. The output goes to memory files and not to pipes, so that a
 * process in the background cannot delay us. Always sets @out and @errors, to NULL
 * without memory.
 *
 * Return: 0 if the program ran, even if it failed; -ENOENT if it is not
 * installed; or another negative errno.
 */
int run_tool(const char *const *argv, struct tool_end *end, char **out,
	     char **errors)
{
	return run(argv, -1, end, out, errors);
}

static void say_errors(const char *name, char *text, bool failed)
{
	char *line, *rest = text;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line && failed)
			msg_err("%s: %s", name, line);
		else if (*line)
			msg_verbose("%s: %s", name, line);
	}
	free(text);
}

static int judge_end(const char *name, const struct tool_end *end, int most)
{
	if (end->signal)
		msg_err("%s: was ended by signal %d (%s)", name, end->signal,
			strsignal(end->signal));
	else if (end->status > most)
		msg_err("%s: exited with status %d", name, end->status);
	else
		return 0;
	return end->signal && signals_held() ? -EINTR : -ETOOL;
}

/* A file of memory that holds the text, to be read from its beginning. */
static int text_file(const char *text)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);

	if (fd >= 0 && pwrite(fd, text, (size_t)len, 0) != len) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -ENOMEM : fd;
}

/**
 * run_tool_or_say() - run a program that does a part of the work
 * @argv: its name and arguments, ended by NULL
 * @input: its standard input; NULL for none
 * @most: the highest exit status that is no failure
 *
 * Return: 0; or after a message, with what the program said: -ENOEXEC if it is not
 * installed, -ETOOL if it failed, -EINTR if a held signal has ended it, or another
 * negative errno.
 */
int run_tool_or_say(const char *const *argv, const char *input, int most)
{
	struct tool_end end = { 0 };
	char *out = NULL, *errors = NULL;
	int in = input ? text_file(input) : -1;
	int err = input && in < 0 ? in : 0;
	bool failed;

	if (!err)
		err = run(argv, in, &end, &out, &errors);
	if (in >= 0)
		close(in);
	failed = !err && (end.signal || end.status > most);
	say_errors(argv[0], out, failed);
	say_errors(argv[0], errors, failed);
	if (!err)
		return judge_end(argv[0], &end, most);
	msg_err("%s cannot be run: %s", argv[0],
		err == -ENOENT ? "it is not installed" : strerror(-err));
	return err == -ENOENT ? -ENOEXEC : err;
}
