// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "env.h"
#include "hang-up.h"

static bool is_client(int fd, const char *path)
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address) - 1;
	socklen_t flag_size = sizeof(int);
	int listens = 1;

	return !getsockname(fd, (struct sockaddr *)&address, &size) &&
	       address.sun_family == AF_UNIX &&
	       !strcmp(address.sun_path, path) &&
	       !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
			   &flag_size) && !listens;
}

static void look_at(int process, int number, const char *path)
{
	int fd = pidfd_getfd(process, number, 0);

	if (fd < 0)
		return;
	/* What is under way is still answered. */
	if (is_client(fd, path))
		shutdown(fd, SHUT_RD);
	close(fd);
}

/**
 * hang_up() - end what clients send by a socket
 * @server: that has accepted them, a child of ours
 * @path: of the socket
 *
 * The server reads an end from each, as if it had gone. It is left to wait for
 * them where the kernel does not let us at its descriptors.
 */
void hang_up(pid_t server, const char *path)
{
	int process = pidfd_open(server, 0);
	char name[32];
	struct dirent *entry;
	DIR *all;

	snprintf(name, sizeof(name), "/proc/%d/fd", server);
	all = opendir(name);
	while (all && process >= 0 && (entry = readdir(all)))
		if (*entry->d_name != '.')
			look_at(process, atoi(entry->d_name), path);
	if (all)
		closedir(all);
	if (process >= 0)
		close(process);
}
