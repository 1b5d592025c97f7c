// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "message.h"
#include "startup.h"

/*
 * An image that got the number of a stream which was closed would have our
 * messages written into it. Reading only: output that gets lost stays an error.
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
 * startup() - make sure of the standard streams, signals, and environment
 *
 * Return: 0, or a negative errno, after a message if there is where to.
 */
int startup(void)
{
	int err = occupy_streams();

	/* A message at a time; what has no end of line yet is flushed. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	/* It has options end at the first other word, and that is the verb. */
	unsetenv("POSIXLY_CORRECT");
	/* Who opens a file that we look at by a lease; its default is to die. */
	signal(SIGIO, SIG_IGN);
	/* A limit on the size of files is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	if (err)
		msg_err("/dev/null: %s", strerror(-err));
	return err;
}
