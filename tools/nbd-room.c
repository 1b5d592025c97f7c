// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit-codes.h"
#include "message.h"
#include "nbd-room.h"
#include "plugin-path.h"
#include "progress.h"
#include "unix-socket.h"

#define ARGS_MAX	(16 + VHDX_CHAIN_MAX)

/* As many connections as nbdcopy makes, and one that asks. */
#define SHARED		"--shared=8"

/* How long a signal may go unnoticed, in milliseconds. */
#define POLL_MS		200

static bool has_programs(void)
{
	static const struct {
		const char *program;
		const char *package;
	} all[] = {
		{ "nbdcopy", "libnbd-bin" },
		{ "qemu-nbd", "qemu-utils" },
		{ "qemu-img", "qemu-utils" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (captive_find(all[i].program))
			continue;
		msg_err("%s is not installed, and other formats need it; remedy: apt install %s",
			all[i].program, all[i].package);
		return false;
	}
	return true;
}

/**
 * nbd_room_begin() - make the room
 * @room: filled in
 *
 * Return: 0, or a negative errno after a message: -ETOOL if a program is missing.
 * nbd_room_end() must follow in either case.
 */
int nbd_room_begin(struct nbd_room *room)
{
	static const char *const names[] = { "source", "destination" };
	int i, err;

	*room = (struct nbd_room){ 0 };
	if (!has_programs())
		return -ETOOL;
	err = plugin_path(&room->plugin);
	if (err)
		return err;
	strscpy(room->directory, UNIX_SOCKET_DIRECTORY,
		sizeof(room->directory));
	err = unix_socket_directory(room->directory);
	if (err)
		return err;
	for (i = 0; i < NBD_SIDES; i++) {
		snprintf(room->socket[i], sizeof(room->socket[i]), "%s/%s",
			 room->directory, names[i]);
		snprintf(room->uri[i], sizeof(room->uri[i]),
			 "nbd+unix:///?socket=%s", room->socket[i]);
	}
	return 0;
}

/**
 * nbd_stop() - stop to serve both
 * @room: the room
 *
 * Return: 0: all that was written is in the images; or as captive_wait().
 */
int nbd_stop(struct nbd_room *room)
{
	int i, end, err = 0;

	for (i = 0; i < NBD_SIDES; i++) {
		end = captive_stop(&room->server[i]);
		err = err ? err : end;
		(void)unlink(room->socket[i]);
	}
	return err;
}

/**
 * nbd_room_end() - end all that runs in it
 * @room: from nbd_room_begin()
 * @err: what all has come to; the servers may have said why
 */
void nbd_room_end(struct nbd_room *room, int err)
{
	int i;

	for (i = 0; i < NBD_SIDES; i++) {
		captive_drop(&room->server[i], err && err != -EINTR);
		(void)unlink(room->socket[i]);
	}
	if (*room->directory)
		(void)rmdir(room->directory);
	free(room->plugin);
}

static int serve(struct nbd_room *room, enum nbd_side side,
		 const char *const *argv, int passed)
{
	struct captive_fds fds = {
		.listening = unix_socket_listen(room->socket[side]),
		.passed = passed,
		.output = -1,
		.errors = -1,
	};
	int err;

	if (fds.listening < 0)
		return fds.listening;
	err = captive_start(&room->server[side], argv, &fds);
	/* If the server dies, its clients are to learn it. */
	close(fds.listening);
	return err;
}

static int parameter(const char **args, size_t *count, char **texts,
		     const char *key, const char *value)
{
	if (asprintf(&texts[*count], "%s=%s", key, value) < 0) {
		texts[*count] = NULL;
		return -ENOMEM;
	}
	args[*count] = texts[*count];
	++*count;
	return 0;
}

/**
 * nbd_serve_vhdx() - serve a VHDX image
 * @room: the room
 * @side: where
 * @path: of the image
 * @options: of the command line, which say where its parents are
 * @writes: it is written
 *
 * Return: 0, or a negative errno after a message.
 */
int nbd_serve_vhdx(struct nbd_room *room, enum nbd_side side,
		   const char *path, const struct options *options,
		   bool writes)
{
	char *texts[ARGS_MAX] = { NULL };
	const char *args[ARGS_MAX] = {
		"nbdkit", "-f", "--exit-with-parent", room->plugin,
	};
	size_t i, count = 4;
	int err;

	if (!writes)
		args[count++] = "-r";
	err = parameter(args, &count, texts, "file", path);
	for (i = 0; !err && i < options->parent_count; i++)
		err = parameter(args, &count, texts, "parent",
				options->parents[i]);
	if (options->parents_anywhere)
		args[count++] = "parents-anywhere=true";
	if (options->ignore_id)
		args[count++] = "ignore-id-mismatch=true";
	if (!err)
		err = serve(room, side, args, -1);
	for (i = 0; i < ARGS_MAX; i++)
		free(texts[i]);
	return err;
}

static void put_text(struct json_object *object, const char *key,
		     const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* In QEMU's words, for the descriptor that it gets. */
static struct json_object *describe_file(const struct nbd_image *image)
{
	struct json_object *file = json_object_new_object();
	char path[32];
	struct stat st;
	bool device = !fstat(image->fd, &st) && S_ISBLK(st.st_mode);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", CAPTIVE_PASSED_FD);
	put_text(file, "driver", device ? "host_device" : "file");
	put_text(file, "filename", path);
	return file;
}

/*
 * QEMU's description of an image that is in one file, whatever the file says, and
 * of no format but the one that is known.
 */
static char *describe(const struct nbd_image *image)
{
	struct json_object *all = json_object_new_object();
	char *text = NULL;

	put_text(all, "driver", format_name(image->format));
	if (image->format == FORMAT_QCOW2 || image->format == FORMAT_VMDK)
		json_object_object_add(all, "backing", NULL);
	json_object_object_add(all, "file", describe_file(image));
	if (asprintf(&text, "json:%s", json_object_to_json_string(all)) < 0)
		text = NULL;
	json_object_put(all);
	return text;
}

/**
 * nbd_serve_other() - serve an image of another format than VHDX
 * @room: the room
 * @side: where
 * @image: the image
 * @writes: it is written
 *
 * Return: 0, or a negative errno after a message.
 */
int nbd_serve_other(struct nbd_room *room, enum nbd_side side,
		    const struct nbd_image *image, bool writes)
{
	char *file = image->fd < 0 ? strdup(image->path) : describe(image);
	char format[32];
	const char *args[ARGS_MAX] = {
		"qemu-nbd", "--persistent", SHARED, "--cache=writeback",
		"--discard=unmap",
	};
	size_t count = 5;
	int err;

	if (!file)
		return -ENOMEM;
	snprintf(format, sizeof(format), "--format=%s",
		 format_name(image->format));
	if (image->fd < 0)
		args[count++] = format;
	if (!writes)
		args[count++] = "--read-only";
	args[count] = file;
	err = serve(room, side, args, image->fd);
	free(file);
	return err;
}

/* What nbdcopy and qemu-img print: numbers of which the last one counts. */
static void hear(int fd, char *text, size_t size, int *percent)
{
	ssize_t n = read(fd, text, size - 1);
	char *at;

	text[max_t(ssize_t, n, 0)] = '\0';
	for (at = text; *at; at++)
		if ((at == text || at[-1] == '\n' || at[-1] == '(') &&
		    *at >= '0' && *at <= '9')
			*percent = min(atoi(at), 100);
}

/* Until the program has closed its output, or a signal comes. */
static int follow(int fd, struct progress *progress)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[256];
	int err, percent = 0;

	for (;;) {
		err = progress_step(progress, (u64)percent, 100);
		if (err)
			return err;
		if (poll(&poll_fd, 1, POLL_MS) <= 0)
			continue;
		if (!(poll_fd.revents & POLLIN))
			return 0;
		hear(fd, text, sizeof(text), &percent);
	}
}

/* A program that does long work and tells of it on its output. */
static int run_long(const char *const *argv, const char *what)
{
	struct captive_fds fds = { -1, -1, -1, -1 };
	struct progress progress;
	struct captive captive;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fds.output = ends[1];
	progress_begin(&progress, what);
	err = captive_start(&captive, argv, &fds);
	close(ends[1]);
	if (!err) {
		err = follow(ends[0], &progress);
		if (err)
			captive_drop(&captive, false);
		else
			err = captive_wait(&captive);
	}
	progress_end(&progress);
	close(ends[0]);
	return err;
}

static int copy_to(struct nbd_room *room, const char *to)
{
	const char *const argv[] = {
		"nbdcopy", "--progress=1", "--flush", "--destination-is-zero",
		room->uri[NBD_SOURCE], to, NULL,
	};

	return run_long(argv, "convert");
}

/**
 * nbd_copy() - copy from the source to the destination
 * @room: with both served; the destination reads as zeros
 *
 * Return: 0, and the destination has flushed it all; or a negative errno after a
 * message; -EINTR after a signal, without.
 */
int nbd_copy(struct nbd_room *room)
{
	return copy_to(room, room->uri[NBD_DEST]);
}

/**
 * nbd_copy_to_file() - copy from the source to a raw file
 * @room: with the source served
 * @path: of the file, which is made
 *
 * Return: as nbd_copy().
 */
int nbd_copy_to_file(struct nbd_room *room, const char *path)
{
	return copy_to(room, path);
}

/**
 * nbd_compare() - compare the two
 * @room: with both served
 *
 * Zeros stand for what is past the end of the smaller one.
 *
 * Return: 0 if they read alike; or a negative errno, as nbd_copy().
 */
int nbd_compare(struct nbd_room *room)
{
	const char *const argv[] = {
		"qemu-img", "compare", "-p", "-f", "raw", "-F", "raw",
		room->uri[NBD_SOURCE], room->uri[NBD_DEST], NULL,
	};

	return run_long(argv, "verify");
}
