// SPDX-License-Identifier: GPL-2.0-only
/* create: make a new image, of which nothing stays if it is not made whole. */
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "create.h"
#include "message.h"
#include "progress.h"
#include "store-user.h"
#include "tree.h"
#include "vhdxsetup.h"
#include "wipe.h"

/**
 * struct creation - one image on its way
 * @report: hears of failures
 * @path: of the file or block device
 * @options: of the command line
 * @file: its bytes
 * @layout: what goes where
 */
struct creation {
	struct vhdx_report report;
	const char *path;
	const struct options *options;
	struct user_store file;
	struct vhdx_layout layout;
};

static void say(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct creation *creation =
		container_of(report, struct creation, report);

	if (strcmp(finding->at.name, "file"))
		msg_err("%s: %s: %s", creation->path, finding->at.name,
			finding->text);
	else
		msg_err("%s: %s", creation->path, finding->text);
}

/*
 * What 32 bits do not hold is too large for any of these sizes, and so is the
 * largest that they do: this stands for it, and is refused.
 */
static u32 or_default(u64 size, u32 usual)
{
	return size ? (u32)min_t(u64, size, U32_MAX) : usual;
}

/* Names the option, as it was given, that cannot be. */
static int refuse_option(const struct creation *creation,
			 const struct vhdx_create *create, const void *member,
			 const char *fault)
{
	const struct options *options = creation->options;
	const struct {
		const void *member;
		const char *option;
		u64 bytes;
	} all[] = {
		{ &create->size, "size", options->size },
		{ &create->block_size, "block-size", options->block_size },
		{ &create->logical_sector, "sector-size",
		  options->sector_size },
		{ &create->physical_sector, "physical-sector-size",
		  options->physical_sector_size },
		{ &create->log_length, "log-size", options->log_size },
	};
	const char *unit;
	u64 count;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].member != member)
			continue;
		count = tree_size_exact(all[i].bytes, &unit);
		msg_err("--%s %llu %s: %s", all[i].option, count, unit, fault);
	}
	return -EINVAL;
}

static int plan(struct creation *creation)
{
	const struct options *options = creation->options;
	bool full = options->fixed || options->preallocate;
	struct vhdx_create create = {
		.size = options->size,
		.block_size = or_default(options->block_size, full ?
					 VHDX_CREATE_BLOCK_SIZE_FULL :
					 VHDX_CREATE_BLOCK_SIZE),
		.logical_sector = or_default(options->sector_size,
					     VHDX_CREATE_LOGICAL_SECTOR),
		.physical_sector = or_default(options->physical_sector_size,
					      VHDX_CREATE_PHYSICAL_SECTOR),
		.log_length = or_default(options->log_size,
					 VHDX_CREATE_LOG_LENGTH),
		.allocated = full,
		.fixed = options->fixed,
	};
	const void *member;
	const char *fault;

	if (!options->size) {
		msg_err("%s: how large? `create' needs --size", creation->path);
		return -EINVAL;
	}
	fault = vhdx_layout_fault(&create, &member);
	if (fault)
		return refuse_option(creation, &create, member, fault);
	vhdx_layout_init(&creation->layout, &create);
	return 0;
}

static int no_room(const struct creation *creation, u64 available)
{
	char need[32], have[32];

	msg_err("%s: there is no room: the image takes %s, and there are %s",
		creation->path,
		tree_size_words(creation->layout.end, need, sizeof(need)),
		tree_size_words(available, have, sizeof(have)));
	return -ENOSPC;
}

/* Better to know now than after filling the file system to the brim. */
static int check_room(const struct creation *creation)
{
	struct statvfs fs;
	u64 available;

	if (creation->file.device)
		available = creation->file.store.size;
	else if (!fstatvfs(creation->file.fd, &fs))
		available = (u64)fs.f_bavail * fs.f_frsize;
	else
		return 0;
	return creation->layout.end > available ?
		       no_room(creation, available) : 0;
}

static int open_device(struct creation *creation)
{
	int err;

	if (!creation->options->force) {
		msg_err("%s: is a block device; all that is on it would be lost; --force does that",
			creation->path);
		return -EEXIST;
	}
	err = user_store_open(&creation->file, creation->path, USER_WRITE);
	if (err || !creation->file.in_use)
		return err;
	msg_err("%s: %s", creation->path, creation->file.in_use);
	user_store_close(&creation->file);
	return -EBUSY;
}

static int open_target(struct creation *creation)
{
	struct stat st;

	if (stat(creation->path, &st))
		return user_store_create(&creation->file, creation->path);
	if (S_ISBLK(st.st_mode))
		return open_device(creation);
	msg_err("%s: exists; nothing is overwritten", creation->path);
	return -EEXIST;
}

/* So that the name is there after a crash, too. */
static void sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(copy);
}

static int refuse_holes(const struct creation *creation)
{
	int r;

	if (!creation->file.no_holes)
		return 0;
	r = user_store_is_sparse(&creation->file);
	if (r > 0) {
		msg_err("%s: this file system keeps holes, or compresses: the file would be sparse",
			creation->path);
		return -EOPNOTSUPP;
	}
	if (r)
		msg_err("%s: %s", creation->path, strerror(-r));
	return r;
}

/* The engine says what failed, and has no words for why. */
static int write_image(struct creation *creation,
		       struct vhdx_progress *progress)
{
	int err = vhdx_create(&creation->file.store, &creation->layout,
			      progress, &creation->report);

	if (err && err != -EINTR && err != -ENOMEM)
		msg_err("%s: %s", creation->path, strerror(-err));
	return err;
}

/* Nobody is to take the device for what it was before. */
static int wipe(const struct creation *creation)
{
	int err = 0;

	if (creation->file.device)
		err = wipe_signatures(creation->file.fd);
	if (err)
		msg_err("%s: the signatures of what was on the device cannot be wiped: %s",
			creation->path, strerror(-err));
	return err;
}

static int make(struct creation *creation)
{
	struct progress progress;
	int err;

	creation->file.no_holes = creation->options->no_sparse &&
				  !creation->file.device;
	progress_begin(&progress, "create");
	err = check_room(creation);
	if (!err)
		err = wipe(creation);
	if (!err)
		err = write_image(creation, &progress.engine);
	if (!err)
		err = refuse_holes(creation);
	progress_end(&progress);
	if (err == -EINTR)
		msg_err("interrupted: %s is not made", creation->path);
	return err;
}

/* By now, somebody may have put something else where our file was. */
static void remove_file(const struct creation *creation)
{
	struct stat st;

	if (!creation->file.device && !lstat(creation->path, &st) &&
	    st.st_dev == creation->file.dev && st.st_ino == creation->file.ino)
		(void)unlink(creation->path);
}

static void announce(const struct creation *creation)
{
	const struct vhdx_params *params = &creation->layout.params;
	char size[32], block[32];

	msg_info("%s: a %s disk of %s in blocks of %s", creation->path,
		 params->leave_allocated ? "fixed" : "dynamic",
		 tree_size_words(params->size, size, sizeof(size)),
		 tree_size_words(params->block_size, block, sizeof(block)));
}

/**
 * cmd_create() - the verb `create`
 * @options: of the command line
 * @args: the file, or block device
 *
 * Return: 0 or a negative errno.
 */
int cmd_create(const struct options *options, char **args)
{
	struct creation creation = {
		.report.emit = say,
		.path = args[0],
		.options = options,
	};
	int err;

	err = plan(&creation);
	if (!err)
		err = open_target(&creation);
	if (err)
		return err;
	/* A limit on the size of files is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	err = make(&creation);
	if (err)
		remove_file(&creation);
	user_store_close(&creation.file);
	if (err)
		return err;
	sync_directory(creation.path);
	announce(&creation);
	return 0;
}
