// SPDX-License-Identifier: GPL-2.0-only
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "unix-socket.h"

/**
 * unix_socket_listen() - make a socket and listen
 * @path: of it, which must not be there
 *
 * Clients may connect from now on, and wait until somebody accepts them.
 *
 * Return: the socket, to close, or a negative errno after a message.
 */
int unix_socket_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path)) {
		msg_err("%s: is longer than the path of a socket can be, %zu bytes",
			path, sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strscpy(address.sun_path, path, sizeof(address.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    !bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !listen(fd, SOMAXCONN))
		return fd;
	err = errno == EADDRINUSE ? -EEXIST : -errno;
	msg_err("%s: %s", path, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * unix_socket_directory() - make a directory for sockets, which is ours alone
 * @directory: UNIX_SOCKET_DIRECTORY, set to its path
 *
 * Return: 0, or a negative errno after a message; @directory is empty then.
 */
int unix_socket_directory(char *directory)
{
	int err;

	if (mkdtemp(directory))
		return 0;
	err = -errno;
	*directory = '\0';
	msg_err("/tmp: no directory can be made in it: %s", strerror(-err));
	return err;
}
