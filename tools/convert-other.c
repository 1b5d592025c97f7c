// SPDX-License-Identifier: GPL-2.0-only
/* To and from other formats than VHDX and raw: QEMU knows them, and NBD joins us. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert.h"
#include "exit-codes.h"
#include "message.h"
#include "nbd-room.h"
#include "place.h"
#include "run-tool.h"
#include "tree.h"

/* Protect a path that a program might mistake for an option. */
static char *for_qemu(const char *path)
{
	char *text;

	if (asprintf(&text, "%s%s", *path == '/' ? "" : "./", path) < 0)
		return NULL;
	return text;
}

static int serve_source(const struct conversion *conversion,
			struct nbd_room *room)
{
	struct options chain = *conversion->options;
	struct nbd_image image = {
		.fd = conversion->fd,
		.format = conversion->from,
	};
	char *path;
	int err;

	chain.parent_count = 0;
	if (conversion->from == FORMAT_VHDX)
		return nbd_serve_vhdx(room, NBD_SOURCE, conversion->source,
				      &chain, false);
	if (!format_strays(conversion->fd, conversion->from))
		return nbd_serve_other(room, NBD_SOURCE, &image, false);
	/* What it names is relative to its name. */
	path = for_qemu(conversion->source);
	image.fd = -1;
	image.path = path;
	err = path ? nbd_serve_other(room, NBD_SOURCE, &image, false) :
		     -ENOMEM;
	free(path);
	return err;
}

static int serve_dest(const struct conversion *conversion,
		      struct nbd_room *room, bool writes)
{
	const struct new_place *place = &conversion->place;
	struct nbd_image image = { .fd = -1, .format = conversion->to };
	struct options parents = *conversion->options;
	char *path;
	int err;

	parents.parents_anywhere = true;
	parents.ignore_id = false;
	if (conversion->to == FORMAT_VHDX)
		return nbd_serve_vhdx(room, NBD_DEST, place->path, &parents,
				      writes);
	path = for_qemu(place->path);
	image.path = path;
	err = path ? nbd_serve_other(room, NBD_DEST, &image, writes) : -ENOMEM;
	free(path);
	return err;
}

static const char *create_options(const struct conversion *conversion)
{
	const struct options *options = conversion->options;
	bool fixed = options->fixed || options->azure;

	switch (conversion->to) {
	case FORMAT_VPC:
		/* Without force_size, the disk would get larger. */
		return fixed ? "subformat=fixed,force_size=on" :
			       "subformat=dynamic,force_size=on";
	case FORMAT_VDI:
		return fixed ? "static=on" : "static=off";
	case FORMAT_VMDK:
		return "subformat=monolithicSparse";
	default:
		return "compat=1.1";
	}
}

static int say_failed(const char *program, char *errors)
{
	errors[strcspn(errors, "\n")] = '\0';
	msg_err("%s: %s", program, *errors ? errors : "failed");
	return strstr(errors, strerrordesc_np(ENOSPC)) ? -ENOSPC : -ETOOL;
}

/* Runs a program that is short; its output is for free(). */
static int run(const char *const *argv, char **out)
{
	struct tool_end end;
	char *errors = NULL;
	int err = run_tool(argv, &end, out, &errors);

	if (err)
		msg_err("%s: %s", argv[0], strerror(-err));
	else if (end.signal || end.status)
		err = errors ? say_failed(argv[0], errors) : -ENOMEM;
	free(errors);
	return err;
}

static int new_other(const struct conversion *conversion)
{
	char *path = for_qemu(conversion->place.path);
	char size[32];
	const char *const argv[] = {
		"qemu-img", "create", "-q", "-f", format_name(conversion->to),
		"-o", create_options(conversion), path, size, NULL,
	};
	int err;

	if (!path)
		return -ENOMEM;
	snprintf(size, sizeof(size), "%llu", convert_size(conversion));
	err = run(argv, NULL);
	/* A disk may hold secrets: only its owner may let others read it. */
	if (!err && chmod(path, 0600))
		err = -errno;
	free(path);
	return err;
}

static int learn_size(struct conversion *conversion, struct nbd_room *room)
{
	const char *const argv[] = {
		"nbdinfo", "--size", room->uri[NBD_SOURCE], NULL,
	};
	char *out = NULL;
	int err = run(argv, &out);

	if (!err) {
		conversion->size = out ? strtoull(out, NULL, 10) : 0;
		if (!conversion->size) {
			msg_err("%s: the disk has no bytes",
				conversion->source);
			err = -EINVAL;
		}
	}
	free(out);
	return err;
}

static int sync_file(const struct conversion *conversion)
{
	int fd = open(conversion->place.path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? -errno : 0;

	if (err)
		msg_err("%s: what was written is not durable: %s",
			conversion->place.name, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static int copy(struct conversion *conversion, struct nbd_room *room)
{
	int err = conversion->to == FORMAT_VHDX ?
			  convert_new_vhdx(conversion) :
			  new_other(conversion);

	if (!err)
		err = serve_dest(conversion, room, true);
	if (!err)
		err = nbd_copy(room);
	if (!err)
		err = nbd_stop(room);
	return err ? err : sync_file(conversion);
}

/**
 * struct raw_file - a raw file that is between the two
 * @directory: made for it, or NULL
 * @path: of the file
 * @fd: the file, open for reading, or -1
 */
struct raw_file {
	char *directory;
	char *path;
	int fd;
};

/* Beside a device is /dev, where others have names, and memory is the space. */
static int raw_directory(struct raw_file *raw)
{
	const char *base = secure_getenv("TMPDIR");
	int err;

	if (!base || !*base)
		base = "/var/tmp";
	if (asprintf(&raw->directory, "%s/vhdxsetup-XXXXXX", base) < 0) {
		raw->directory = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(raw->directory))
		return 0;
	err = -errno;
	msg_err("%s: no directory can be made in it: %s", base, strerror(-err));
	free(raw->directory);
	raw->directory = NULL;
	return err;
}

/* The directory is ours alone, and so is the file. */
static int raw_begin(struct raw_file *raw, const struct new_place *place)
{
	const char *directory = place->directory;
	char *path;
	int err = 0;

	*raw = (struct raw_file){ .fd = -1 };
	if (place->device) {
		err = raw_directory(raw);
		directory = raw->directory;
	}
	if (err)
		return err;
	if (asprintf(&path, "%s/.raw", directory) < 0)
		return -ENOMEM;
	raw->path = for_qemu(path);
	free(path);
	if (!raw->path)
		return -ENOMEM;
	raw->fd = open(raw->path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		       O_CLOEXEC, 0600);
	if (raw->fd >= 0)
		return 0;
	err = -errno;
	msg_err("%s: %s", raw->path, strerror(-err));
	return err;
}

/* The names go; what is open is read on. */
static void raw_unlink(struct raw_file *raw)
{
	if (raw->fd >= 0)
		(void)unlink(raw->path);
	if (raw->directory)
		(void)rmdir(raw->directory);
	free(raw->path);
	free(raw->directory);
}

/*
 * nbdcopy knows nothing of a parent, and the plugin leaves holes. So the disk goes
 * to a raw file first.
 */
static int copy_by_raw(struct conversion *conversion, struct nbd_room *room)
{
	struct conversion direct = *conversion;
	struct raw_file raw;
	int err = raw_begin(&raw, &conversion->place);

	if (!err)
		err = nbd_copy_to_file(room, raw.path);
	if (!err)
		err = nbd_stop(room);
	/* It goes now, whatever comes. */
	raw_unlink(&raw);
	if (!err) {
		direct.fd = raw.fd;
		direct.from = FORMAT_RAW;
		err = convert_direct(&direct);
		conversion->begun = direct.begun;
		conversion->copied = direct.copied;
	}
	if (raw.fd >= 0)
		close(raw.fd);
	return err;
}

static int verify(const struct conversion *conversion, struct nbd_room *room)
{
	int err = serve_source(conversion, room);

	if (!err)
		err = serve_dest(conversion, room, false);
	if (!err)
		err = nbd_compare(room);
	return err ? err : nbd_stop(room);
}

static int copy_and_verify(struct conversion *conversion,
			   struct nbd_room *room)
{
	const struct options *options = conversion->options;
	int err = serve_source(conversion, room);

	if (!err && conversion->from != FORMAT_VHDX)
		err = learn_size(conversion, room);
	if (!err)
		err = options->parent_count || options->no_sparse ||
		      conversion->place.device ?
			      copy_by_raw(conversion, room) :
			      copy(conversion, room);
	if (!err && options->verify)
		err = verify(conversion, room);
	return err;
}

/**
 * convert_other() - convert to or from another format than VHDX and raw
 * @conversion: from convert_plan()
 *
 * Return: as convert_direct().
 */
int convert_other(struct conversion *conversion)
{
	struct nbd_room room;
	int err = nbd_room_begin(&room);

	if (!err)
		err = copy_and_verify(conversion, &room);
	nbd_room_end(&room, err);
	return err;
}
