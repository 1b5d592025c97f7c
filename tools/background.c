// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "background.h"
#include "console.h"
#include "message.h"

/* The command reads from the other end; -1 outside of the process. */
static int waiting = -1;

/* First error of the process, or NULL. */
static char *error;

static void to_log(enum console_level level, const char *text)
{
	static const int priorities[] = {
		[CONSOLE_QUIET] = LOG_ERR,
		[CONSOLE_NORMAL] = LOG_NOTICE,
		[CONSOLE_VERBOSE] = LOG_INFO,
		[CONSOLE_DEBUG] = LOG_DEBUG,
	};

	syslog(priorities[level], "%s", text);
}

static void hear(bool is_error, const char *text)
{
	if (is_error && !error)
		error = strdup(text);
}

/* The directory and the terminal may be needed by others. */
static int detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd;

	if (null < 0)
		return -errno;
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (null > STDERR_FILENO)
		close(null);
	if (chdir("/"))
		return -errno;
	openlog("vhdxsetup", LOG_PID, LOG_DAEMON);
	console_listen(hear);
	console_set_output(to_log);
	return 0;
}

/* Returns only in the second child, which no terminal belongs to. */
static int become(int fd)
{
	pid_t child;
	int err;

	setsid();
	child = fork();
	if (child)
		_exit(child < 0);
	waiting = fd;
	err = detach();
	if (err)
		_exit(1);
	return 1;
}

static int wait_for(pid_t child, int fd, pid_t *process)
{
	ssize_t got;

	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	do {
		got = read(fd, process, sizeof(*process));
	} while (got < 0 && errno == EINTR);
	if (got == sizeof(*process))
		return 0;
	msg_err("the process in the background has ended at once; the system's log may say why");
	return -EIO;
}

static int cannot(const char *what)
{
	int err = -errno;

	msg_err("%s: %s", what, strerror(-err));
	return err;
}

/**
 * background_begin() - go on in a process of its own
 * @process: in the command, set to the number of the process
 *
 * Descriptors, and the locks that belong to them, are shared with it.
 *
 * Return: 1 in the process; 0 in the command, when the process has called
 * background_ready(); or a negative errno after a message.
 */
int background_begin(pid_t *process)
{
	int ends[2], err;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return cannot("no pipe can be made");
	/* Else both would write what is buffered. */
	fflush(NULL);
	child = fork();
	if (!child) {
		close(ends[0]);
		return become(ends[1]);
	}
	close(ends[1]);
	err = child < 0 ? cannot("no process can be made") :
			  wait_for(child, ends[0], process);
	close(ends[0]);
	return err;
}

/**
 * background_ready() - let the command end
 *
 * Does nothing outside of a process of background_begin(), or if called again.
 */
void background_ready(void)
{
	pid_t process = getpid();

	if (waiting < 0)
		return;
	if (write(waiting, &process, sizeof(process)) != sizeof(process))
		msg_warn("the command that began this is gone");
	close(waiting);
	waiting = -1;
}

/**
 * background_error() - what went wrong in the process
 *
 * Return: its first error message, or NULL.
 */
const char *background_error(void)
{
	return error;
}
