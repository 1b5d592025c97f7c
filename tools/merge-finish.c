// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "fork.h"
#include "layout.h"
#include "merge-finish.h"
#include "message.h"
#include "new-image.h"

/* By now, somebody may have put something else where the file was. */
static int check_file(const struct layer *layer)
{
	struct stat st;

	if (!lstat(layer->path, &st) && user_store_is(&layer->file, &st))
		return 0;
	msg_err("%s: is another file by now; it stays as it is", layer->path);
	return -ESTALE;
}

static int cannot(const char *path, const char *what)
{
	int err = -errno;

	msg_err("%s: %s: %s", path, what, strerror(-err));
	return err;
}

/**
 * merge_remove() - remove the file of a child
 * @disk: the child and its parents; the parent has all that the child had
 *
 * Return: 0, or a negative errno after a message; the child stays then.
 */
int merge_remove(const struct disk *disk)
{
	const struct layer *child = disk->layer[0];
	int err = check_file(child);

	if (err)
		return err;
	if (unlink(child->path))
		return cannot(child->path, "cannot be removed");
	directory_sync(child->path);
	return 0;
}

static int init_fork(const struct disk *disk, struct vhdx_fork *fork)
{
	const struct layer *child = disk->layer[0], *parent = disk->layer[1];
	struct vhdx_locator link = *child->image->locator;

	link.linkage = *vhdx_image_identity(parent->image);
	link.linkage2 = (guid_t){ 0 };
	return vhdx_fork_init(fork, parent->image, &link,
			      &disk->layer[0]->report);
}

static int make_empty(const struct disk *disk, const char *path)
{
	const struct vhdx_image *child = disk->layer[0]->image;
	struct vhdx_fork fork = { 0 };
	struct new_image new = {
		.path = path,
		.create = {
			.size = child->params.size,
			.block_size = child->params.block_size,
			.logical_sector = child->params.logical_sector,
			.physical_sector = child->params.physical_sector,
			.log_length =
				vhdx_header_current(&child->headers)->log_length,
			.fork = &fork,
		},
		.parent = disk,
	};
	int err = init_fork(disk, &fork);

	if (!err)
		err = new_image_make(&new);
	vhdx_fork_exit(&fork);
	return err;
}

/* It may be read by whom the child may be. */
static int give(const struct layer *child, const char *path)
{
	struct stat st;

	if (fstat(child->file.fd, &st))
		return cannot(child->path, "cannot be looked at");
	if (chown(path, st.st_uid, st.st_gid) ||
	    chmod(path, st.st_mode & 07777))
		return cannot(path, "cannot have the child's owner and mode");
	return 0;
}

/**
 * merge_empty() - put an empty child in the place of a child
 * @disk: the child and its parents; the parent has all that the child had
 *
 * The name has the old child or the new one at any time, and the disk of either
 * reads the same.
 *
 * Return: 0, or a negative errno after a message; the child stays then.
 */
int merge_empty(const struct disk *disk)
{
	const struct layer *child = disk->layer[0];
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s.empty", child->path);
	int err = n > 0 && (size_t)n < sizeof(path) ? 0 : -ENAMETOOLONG;

	if (!err)
		err = make_empty(disk, path);
	if (err)
		return err;
	err = give(child, path);
	if (!err)
		err = check_file(child);
	if (!err && rename(path, child->path))
		err = cannot(child->path, "cannot be replaced");
	if (err)
		(void)unlink(path);
	directory_sync(child->path);
	return err;
}
