// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "console.h"
#include "startup.h"

/*
 * Open closed standard streams: an image with the number of one would receive
 * our messages. Open them for reading only, so that lost output is still an
 * error.
 */
static int occupy_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

/**
 * startup() - prepare messages, standard streams, signals and environment
 *
 * Return: 0; or a negative errno, after a message if there is a stream for it.
 */
int startup(void)
{
	int err = occupy_streams();

	console_begin();
	/*
	 * Line buffering keeps messages whole; partial lines are flushed by
	 * hand.
	 */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	/* POSIXLY_CORRECT would make getopt stop at the verb. */
	unsetenv("POSIXLY_CORRECT");
	/*
	 * The kernel signals the holder of a lease; the default action ends it.
	 */
	signal(SIGIO, SIG_IGN);
	/* Get EFBIG in place of a signal at the limit of file sizes. */
	signal(SIGXFSZ, SIG_IGN);
	if (err)
		msg_err("/dev/null: %s", strerror(-err));
	return err;
}
