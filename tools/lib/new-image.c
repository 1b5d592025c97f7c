// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "create.h"
#include "directory.h"
#include "message.h"
#include "new-image.h"
#include "store-user.h"

/**
 * struct creation - an image under construction
 * @report: receives the findings
 * @new: the image to make
 * @path: path of the file or block device
 * @name: what messages call it
 * @file: store of the image
 * @layout: places of the parts of the image
 */
struct creation {
	struct vhdx_report report;
	const struct new_image *new;
	const char *path;
	const char *name;
	struct user_store file;
	struct vhdx_layout layout;
};

static void say(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct creation *creation =
		container_of(report, struct creation, report);

	if (strcmp(finding->at.name, "file"))
		msg_err("%s: %s: %s", creation->name, finding->at.name,
			finding->text);
	else
		msg_err("%s: %s", creation->name, finding->text);
}

static int no_room(const struct creation *creation, u64 available)
{
	char need[VHDX_SIZE_TEXT_SIZE], have[VHDX_SIZE_TEXT_SIZE];

	msg_err("%s: there is no room: the image takes %s, and there are %s",
		creation->name,
		vhdx_size_text(creation->layout.end, need),
		vhdx_size_text(available, have));
	return -ENOSPC;
}

/* Test this now, and not after filling the file system. */
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

/* A child on the device of an ancestor would overwrite that. */
static int keep_parents(const struct creation *creation)
{
	const struct disk *parent = creation->new->parent;
	u32 i;

	for (i = 0; parent && i < parent->depth; i++) {
		if (!user_store_same(&parent->layer[i]->file, &creation->file))
			continue;
		msg_err("%s: would be its own parent", creation->name);
		return -ELOOP;
	}
	return 0;
}

static int open_device(struct creation *creation, int place)
{
	int err;

	if (!creation->new->force) {
		msg_err("%s: is a block device; all that is on it would be lost; --force does that",
			creation->name);
		return -EEXIST;
	}
	err = user_store_open_place(&creation->file, place, creation->path,
				    USER_WRITE);
	if (err)
		return err;
	err = keep_parents(creation);
	if (!err && creation->file.in_use) {
		msg_err("%s: %s", creation->name, creation->file.in_use);
		err = -EBUSY;
	}
	if (err)
		user_store_close(&creation->file);
	return err;
}

/* Open the device that was checked: --force applies to devices only. */
static int open_target(struct creation *creation)
{
	int place = open(creation->path, O_PATH | O_CLOEXEC);
	struct stat st;
	int err = -EEXIST;

	if (place < 0)
		return user_store_create(&creation->file, creation->path);
	if (!fstat(place, &st) && S_ISBLK(st.st_mode))
		err = open_device(creation, place);
	else
		msg_err("%s: exists; nothing is overwritten", creation->name);
	close(place);
	return err;
}

static int refuse_holes(const struct creation *creation)
{
	int r;

	if (!creation->file.no_holes)
		return 0;
	r = user_store_is_sparse(&creation->file);
	if (r > 0) {
		msg_err("%s: this file system keeps holes, or compresses: the file would be sparse",
			creation->name);
		return -EOPNOTSUPP;
	}
	if (r)
		msg_err("%s: %s", creation->name, strerror(-r));
	return r;
}

/* The engine has reported what failed; add the words of the errno. */
static int write_image(struct creation *creation)
{
	int err = vhdx_create(&creation->file.store, &creation->layout,
			      creation->new->progress, &creation->report);

	if (err && err != -EINTR && err != -ENOMEM)
		msg_err("%s: %s", creation->name, strerror(-err));
	return err;
}

/* Remove signatures of the device's old contents. */
static int wipe(const struct creation *creation)
{
	int err = 0;

	if (creation->file.device && creation->new->wipe)
		err = creation->new->wipe(creation->file.fd);
	if (err)
		msg_err("%s: the signatures of what was on the device cannot be wiped: %s",
			creation->name, strerror(-err));
	return err;
}

static int make(struct creation *creation)
{
	int err;

	creation->file.no_holes = creation->new->no_sparse &&
				  !creation->file.device;
	err = check_room(creation);
	if (!err)
		err = wipe(creation);
	if (!err)
		err = write_image(creation);
	if (!err)
		err = refuse_holes(creation);
	return err;
}

/* Another program may have replaced our file meanwhile. */
static void remove_file(const struct creation *creation)
{
	struct stat st;

	if (!creation->file.device && !lstat(creation->path, &st) &&
	    user_store_is(&creation->file, &st))
		(void)unlink(creation->path);
}

/**
 * new_image_write() - make an image
 * @new: the image to make; vhdx_layout_fault() has found no fault
 *
 * Return: 0: the image and the name of its file are durable; or a negative
 * errno after a message, and a new file is removed again. What the progress
 * returned, if that stopped it.
 */
int new_image_write(const struct new_image *new)
{
	struct creation creation = {
		.report.emit = say,
		.new = new,
		.path = new->path,
		.name = new->name ? new->name : new->path,
	};
	int err;

	vhdx_layout_init(&creation.layout, &new->create);
	err = open_target(&creation);
	if (err)
		return err;
	err = make(&creation);
	if (!err && !creation.file.device)
		err = directory_keep(creation.path);
	if (err)
		remove_file(&creation);
	user_store_close(&creation.file);
	return err;
}
