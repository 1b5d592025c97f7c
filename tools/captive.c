// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "captive.h"
#include "exit-codes.h"
#include "message.h"
#include "run-tool.h"
#include "signals.h"

/* Messages of a program past this length are not repeated. */
#define SAID_MAX	4096

/* Above all descriptors that have a meaning for a program. */
#define FDS_ASIDE	20

/* Milliseconds after which a program that is to end is told again. */
#define TELL_AGAIN_MS	200

/* The first descriptor of socket activation. */
#define LISTEN_FD	3

/**
 * captive_find() - is a program installed?
 * @name: of it
 *
 * Return: true if it is where run_tool() looks, too.
 */
bool captive_find(const char *name)
{
	char path[PATH_MAX];
	const char *at = RUN_TOOL_PATH;
	int len;

	for (; *at; at += at[len] ? len + 1 : len) {
		len = (int)strcspn(at, ":");
		snprintf(path, sizeof(path), "%.*s/%s", len, at, name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* In the child. Without copies, one descriptor could overwrite another. */
static bool place_fds(const struct captive_fds *fds, int said)
{
	const struct {
		int from;
		int to;
	} all[] = {
		{ open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO },
		{ fds->output < 0 ? said : fds->output, STDOUT_FILENO },
		{ fds->errors < 0 ? said : fds->errors, STDERR_FILENO },
		{ fds->listening, LISTEN_FD },
		{ fds->passed, CAPTIVE_PASSED_FD },
	};
	int copies[ARRAY_SIZE(all)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		copies[i] = all[i].from < 0 ? -1 :
			    fcntl(all[i].from, F_DUPFD_CLOEXEC, FDS_ASIDE);
		if (all[i].from >= 0 && copies[i] < 0)
			return false;
	}
	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (copies[i] >= 0 && dup2(copies[i], all[i].to) < 0)
			return false;
	return true;
}

/*
 * In the child. Fail if the parent is gone already. The kernel tells a program only
 * once that its parent has died, so that must be what none can miss, see end(). nbdkit
 * asks for SIGTERM in its place, when it is ready for that (--exit-with-parent).
 */
static bool bind_to(pid_t parent)
{
	sigset_t mask;

	setpgid(0, 0);
	signals_before(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent;
}

static void become(const char *const *argv, const struct captive_fds *fds,
		   int said, pid_t parent)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (bind_to(parent) && place_fds(fds, said) &&
	    !setenv("PATH", RUN_TOOL_PATH, 1) &&
	    (fds->listening < 0 || (!setenv("LISTEN_FDS", "1", 1) &&
				    !setenv("LISTEN_PID", pid, 1))))
		execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "cannot be run: %s\n", strerror(errno));
	_exit(EXIT_SYSTEM);
}

/**
 * captive_start() - start a program
 * @captive: filled in
 * @argv: its name and arguments, ended by NULL
 * @fds: its descriptors
 *
 * Context: no other thread runs.
 * Return: 0, or a negative errno after a message.
 */
int captive_start(struct captive *captive, const char *const *argv,
		  const struct captive_fds *fds)
{
	pid_t parent = getpid();

	*captive = (struct captive){
		.name = argv[0],
		.said = memfd_create("said", MFD_CLOEXEC),
	};
	run_tool_say(argv);
	if (captive->said >= 0)
		captive->pid = fork();
	if (!captive->pid && captive->said >= 0)
		become(argv, fds, captive->said, parent);
	if (captive->pid > 0)
		return 0;
	msg_err("%s: cannot be run: %s", argv[0], strerror(errno));
	if (captive->said >= 0)
		close(captive->said);
	captive->pid = 0;
	return -ENOMEM;
}

/* Return true if the program reported a lack of space. */
static bool repeat(struct captive *captive, bool failed)
{
	char text[SAID_MAX + 1];
	ssize_t n = pread(captive->said, text, SAID_MAX, 0);
	char *line, *rest = text;
	bool room;

	text[max_t(ssize_t, n, 0)] = '\0';
	/* The program speaks no other language. */
	room = strstr(text, strerrordesc_np(ENOSPC));
	while ((line = strsep(&rest, "\n"))) {
		if (*line && failed)
			msg_err("%s: %s", captive->name, line);
		else if (*line)
			msg_verbose("%s: %s", captive->name, line);
	}
	return room;
}

static int reap(struct captive *captive)
{
	int status = 0;

	while (waitpid(captive->pid, &status, 0) < 0 && errno == EINTR)
		;
	captive->pid = 0;
	msg_debug("%s: wait status 0x%x", captive->name, (unsigned int)status);
	return status;
}

/*
 * Ask a program to end until it has. qemu-nbd forgets a SIGTERM that comes while it
 * starts.
 */
static void end(const struct captive *captive)
{
	struct pollfd ended = {
		.fd = pidfd_open(captive->pid, 0),
		.events = POLLIN,
	};

	do
		kill(captive->pid, SIGTERM);
	while (ended.fd >= 0 && poll(&ended, 1, TELL_AGAIN_MS) <= 0);
	if (ended.fd >= 0)
		close(ended.fd);
}

/**
 * captive_wait() - wait for the end of a program
 * @captive: that runs
 *
 * Return: 0 if it succeeded; -ETOOL after a message, or -ENOSPC if that is about
 * room.
 */
int captive_wait(struct captive *captive)
{
	int status = reap(captive);
	bool room = repeat(captive, status);

	close(captive->said);
	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		msg_err("%s: ended by signal %d", captive->name,
			WTERMSIG(status));
	else
		msg_err("%s: failed with status %d", captive->name,
			WEXITSTATUS(status));
	return room ? -ENOSPC : -ETOOL;
}

/**
 * captive_stop() - ask a program to end in order, and wait
 * @captive: a program, or none
 *
 * Return: as captive_wait().
 */
int captive_stop(struct captive *captive)
{
	if (!captive->pid)
		return 0;
	end(captive);
	return captive_wait(captive);
}

/**
 * captive_drop() - end a program whose work is of no use any more
 * @captive: a program, or none
 * @repeats: what it has said tells why
 */
void captive_drop(struct captive *captive, bool repeats)
{
	if (!captive->pid)
		return;
	end(captive);
	reap(captive);
	repeat(captive, repeats);
	close(captive->said);
}
