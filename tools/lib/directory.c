// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"
#include "message.h"

static int sync_open(int fd)
{
	/* Not every file system can do so for one directory. */
	return fsync(fd) && (errno != EINVAL || syncfs(fd)) ? -errno : 0;
}

/* Who may not list a directory can still sync all that the file is with. */
static int sync_directory(const char *directory, const char *path)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd >= 0) {
		err = sync_open(fd);
	} else if (errno == EACCES) {
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		err = fd < 0 || syncfs(fd) ? -errno : 0;
	} else {
		err = -errno;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * directory_sync() - make the creation or removal of a file durable
 * @path: path of the file
 *
 * Who only removes a file may ignore an error: it may come back after a crash.
 *
 * Return: 0, or a negative errno without a message.
 */
int directory_sync(const char *path)
{
	char *copy = strdup(path);
	int err = copy ? sync_directory(dirname(copy), path) : -ENOMEM;

	free(copy);
	return err;
}

/**
 * directory_keep() - make the name of a file durable
 * @path: path of the file, which has just got it
 *
 * Return: 0, or a negative errno after a message.
 */
int directory_keep(const char *path)
{
	int err = directory_sync(path);

	if (err)
		msg_err("%s: its name may not outlast a crash: its directory cannot be synced: %s",
			path, strerror(-err));
	return err;
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
