// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded: as soon as a lease is taken, somebody opens the file for writing and
 * does not wait, so that the kernel signals the holder of the lease.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void open_to_write(int fd)
{
	char path[32];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (other >= 0)
		close(other);
}

static int call(const char *name, int fd, int cmd, void *arg)
{
	int (*next)(int fd, int cmd, ...);
	int r;

	*(void **)&next = dlsym(RTLD_NEXT, name);
	r = next(fd, cmd, arg);
	if (!r && cmd == F_SETLEASE && (long)arg == F_RDLCK)
		open_to_write(fd);
	return r;
}

int fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return call("fcntl", fd, cmd, arg);
}

int fcntl64(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	return call("fcntl64", fd, cmd, arg);
}
