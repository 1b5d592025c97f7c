// SPDX-License-Identifier: GPL-2.0-only
/* serve: an image over NBD, by nbdkit with our plugin, until a signal comes. */
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "captive.h"
#include "exit-codes.h"
#include "findings.h"
#include "hang-up.h"
#include "message.h"
#include "open-image.h"
#include "plugin-path.h"
#include "signals.h"
#include "unix-socket.h"

#define ARGS_MAX	(16 + VHDX_CHAIN_MAX)

/**
 * struct service - what is served
 * @options: of the command line
 * @image: path of the image
 * @plugin: what nbdkit loads
 * @directory: of the socket, if it is ours; else empty
 * @socket: path of the socket
 * @server: nbdkit
 */
struct service {
	const struct options *options;
	const char *image;
	char *plugin;
	char directory[sizeof(UNIX_SOCKET_DIRECTORY)];
	char *socket;
	struct captive server;
};

/* What is wrong with the image is said by us, and has our exit codes. */
static int check_image(const struct service *service)
{
	const struct options *options = service->options;
	struct disk *disk;
	int err = open_image(options, service->image, options->readonly ?
			     OPEN_IDLE : OPEN_WRITABLE, sink_messages(), &disk);

	if (err)
		return err;
	err = disk_follow(disk);
	disk_close(disk);
	return err;
}

static int name_socket(struct service *service)
{
	int err;

	if (service->options->socket) {
		service->socket = strdup(service->options->socket);
		return service->socket ? 0 : -ENOMEM;
	}
	strscpy(service->directory, UNIX_SOCKET_DIRECTORY,
		sizeof(service->directory));
	err = unix_socket_directory(service->directory);
	if (!err && asprintf(&service->socket, "%s/nbd",
			     service->directory) < 0) {
		service->socket = NULL;
		err = -ENOMEM;
	}
	return err;
}

static int start(struct service *service, const struct captive_fds *fds)
{
	const struct options *options = service->options;
	char *texts[1 + VHDX_CHAIN_MAX] = { NULL };
	const char *args[ARGS_MAX] = {
		"nbdkit", "-f", "--exit-with-parent", "-P", "/proc/self/fd/10",
		service->plugin,
	};
	size_t i, count = 6;
	int err = 0;

	if (options->readonly)
		args[count++] = "-r";
	for (i = 0; i <= options->parent_count && !err; i++) {
		if (asprintf(&texts[i], "%s=%s", i ? "parent" : "file",
			     i ? options->parents[i - 1] : service->image) < 0) {
			texts[i] = NULL;
			err = -ENOMEM;
		}
		args[count++] = texts[i];
	}
	if (options->parents_anywhere)
		args[count++] = "parents-anywhere=true";
	if (options->ignore_id)
		args[count++] = "ignore-id-mismatch=true";
	if (!err)
		err = captive_start(&service->server, args, fds);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	return err;
}

/* nbdkit writes its pid when it serves, and closes all when it dies. */
static bool wait_until_ready(int fd)
{
	char pid[16];
	ssize_t n;

	do
		n = read(fd, pid, sizeof(pid));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/* nbdkit would wait for its clients to go. */
static void stop(struct service *service, const sigset_t *child)
{
	const struct timespec moment = { .tv_nsec = 100000000 };

	kill(service->server.pid, SIGTERM);
	do
		hang_up(service->server.pid, service->socket);
	while (sigtimedwait(child, NULL, &moment) < 0);
}

/* Until a signal comes, or nbdkit has ended. */
static int wait_for_end(struct service *service, const sigset_t *set)
{
	sigset_t child;
	int nr;

	do
		nr = sigwaitinfo(set, NULL);
	while (nr < 0);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (nr != SIGCHLD)
		stop(service, &child);
	return captive_wait(&service->server);
}

/* Signals are for us from now on, and nbdkit has them as they were. */
static void hold_signals(sigset_t *set)
{
	signals_hold();
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static int serve(struct service *service)
{
	struct captive_fds fds = {
		.output = STDERR_FILENO,
		.errors = STDERR_FILENO,
	};
	sigset_t set;
	int ready[2];
	int err;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	fds.passed = ready[1];
	fds.listening = unix_socket_listen(service->socket);
	err = fds.listening < 0 ? fds.listening : 0;
	if (!err) {
		hold_signals(&set);
		err = start(service, &fds);
		close(fds.listening);
	}
	close(ready[1]);
	if (!err && wait_until_ready(ready[0])) {
		printf("nbd+unix:///?socket=%s\n", service->socket);
		fflush(stdout);
		err = wait_for_end(service, &set);
	} else if (!err) {
		err = captive_wait(&service->server);
	}
	close(ready[0]);
	if (fds.listening >= 0)
		(void)unlink(service->socket);
	return err;
}

/**
 * cmd_serve() - the verb `serve`
 * @options: of the command line
 * @args: the image
 *
 * Return: 0 after a signal, with a clean image; or a negative errno.
 */
int cmd_serve(const struct options *options, char **args)
{
	struct service service = { .options = options, .image = args[0] };
	int err = plugin_path(&service.plugin);

	if (!err)
		err = check_image(&service);
	if (!err)
		err = name_socket(&service);
	if (!err)
		err = serve(&service);
	if (*service.directory)
		(void)rmdir(service.directory);
	free(service.socket);
	free(service.plugin);
	return err;
}
