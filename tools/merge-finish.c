// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "directory.h"
#include "fork.h"
#include "layout.h"
#include "merge-finish.h"
#include "make-image.h"
#include "message.h"

/* Only the tables of an image are read. */
#define POOL_PAGES	64UL

/* Number of names that are tried for an empty image. */
#define NAMES_MAX	16U

/* Another program may have replaced the file in the meantime. */
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
	(void)directory_sync(child->path);
	return 0;
}

static int init_fork(const struct disk *disk, struct vhdx_fork *fork)
{
	struct layer *child = disk->layer[0];
	struct vhdx_locator link = *child->image->locator;

	link.linkage = *vhdx_image_identity(disk->layer[1]->image);
	link.linkage2 = (guid_t){ 0 };
	return vhdx_fork_init_same(fork, child->image, &link, &child->report);
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

/* Give the new file the owner and the permissions of the child. */
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

/* An image that we made has the child's identity, and no block. */
static bool is_empty_twin(const struct disk *disk, struct vhdx_store *store)
{
	const guid_t *identity = vhdx_image_identity(disk->layer[0]->image);
	struct vhdx_image *image = vhdx_image_open(store, POOL_PAGES,
						   &vhdx_report_silent);
	bool twin;

	if (IS_ERR(image))
		return false;
	twin = vhdx_check_empty(image) &&
	       guid_equal(vhdx_image_identity(image), identity);
	vhdx_image_close(image);
	return twin;
}

/* A merge that was killed may have left its empty image behind. */
static void remove_leftover(const struct disk *disk, const char *path)
{
	struct user_store file;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
	    access(path, R_OK | W_OK) ||
	    user_store_open(&file, path, USER_WRITE))
		return;
	if (!file.in_use && file.dev == st.st_dev && file.ino == st.st_ino &&
	    is_empty_twin(disk, &file.store))
		(void)unlink(path);
	user_store_close(&file);
}

/* A file of that name may be foreign, or half made, with any contents. */
static int choose_path(const struct disk *disk, char path[PATH_MAX])
{
	const char *child = disk->layer[0]->path;
	unsigned int nr;
	struct stat st;
	int n;

	for (nr = 0; nr < NAMES_MAX; nr++) {
		n = nr ? snprintf(path, PATH_MAX, "%s.empty-%u", child, nr) :
			 snprintf(path, PATH_MAX, "%s.empty", child);
		if (n < 0 || n >= PATH_MAX) {
			msg_err("%s: its path is too long", child);
			return -ENAMETOOLONG;
		}
		remove_leftover(disk, path);
		if (lstat(path, &st))
			return 0;
	}
	msg_err("%s: exists, and so do others like it; remove them", path);
	return -EEXIST;
}

static int replace(const struct layer *child, const char *path)
{
	int err = give(child, path);

	if (!err)
		err = check_file(child);
	if (!err && rename(path, child->path))
		err = cannot(child->path, "cannot be replaced");
	if (!err)
		return directory_keep(child->path);
	(void)unlink(path);
	(void)directory_sync(child->path);
	return err;
}

/**
 * merge_empty() - put an empty child in the place of a child
 * @disk: the child and its parents; the parent has all that the child had
 *
 * The name has the old child or the new one at any time, and the disk of either
 * reads the same. The new one has the identity and the metadata of the old, so
 * that children of the one are children of the other.
 *
 * Return: 0, or a negative errno after a message; the child stays then, or is back
 * after a crash.
 */
int merge_empty(const struct disk *disk)
{
	char path[PATH_MAX];
	int err = choose_path(disk, path);

	if (!err)
		err = make_empty(disk, path);
	return err ? err : replace(disk->layer[0], path);
}
