// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"
#include "message.h"

/**
 * directory_sync() - make the creation or removal of a file durable
 * @path: path of the file
 */
void directory_sync(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(copy);
}

/**
 * directory_check() - check that a file can be removed
 * @path: path of the file
 *
 * Return: 0, or a negative errno after a message.
 */
int directory_check(const char *path)
{
	char *copy = strdup(path);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	if (access(dirname(copy), W_OK)) {
		err = -errno;
		msg_err("%s: its files cannot be removed: %s", copy,
			strerror(-err));
	}
	free(copy);
	return err;
}
