// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "message.h"
#include "new-place.h"

/* Hidden, and no name that an image has. */
#define TEMPLATE	".vhdxsetup-XXXXXX"

static int judge_device(struct new_place *place, bool force)
{
	if (!force) {
		msg_err("%s: is a block device; all that is on it would be lost; --force does that",
			place->name);
		return -EEXIST;
	}
	place->device = true;
	place->path = strdup(place->name);
	return place->path ? 0 : -ENOMEM;
}

static int name_paths(struct new_place *place)
{
	char *beside = strdup(place->name), *copy = strdup(place->name);
	int err = -ENOMEM;

	if (beside && copy &&
	    asprintf(&place->directory, "%s/" TEMPLATE, dirname(beside)) < 0)
		place->directory = NULL;
	if (place->directory) {
		err = mkdtemp(place->directory) ? 0 : -errno;
		if (err) {
			msg_err("%s: no directory can be made beside it: %s",
				place->name, strerror(-err));
			free(place->directory);
			place->directory = NULL;
		}
	}
	if (!err && asprintf(&place->path, "%s/%s", place->directory,
			     basename(copy)) < 0) {
		place->path = NULL;
		err = -ENOMEM;
	}
	free(beside);
	free(copy);
	return err;
}

/**
 * new_place_begin() - make the directory
 * @place: filled in
 * @name: that the file is to have, or a block device; it outlives @place
 * @force: a block device may be overwritten
 *
 * Return: 0, or a negative errno after a message: -EEXIST if the name is taken.
 * new_place_drop() must follow in either case.
 */
int new_place_begin(struct new_place *place, const char *name, bool force)
{
	struct stat st;

	*place = (struct new_place){ .name = name };
	if (!stat(name, &st) && S_ISBLK(st.st_mode))
		return judge_device(place, force);
	if (!lstat(name, &st)) {
		msg_err("%s: exists; nothing is overwritten", name);
		return -EEXIST;
	}
	return name_paths(place);
}

/* Somebody may have taken the name meanwhile: that file stays. */
static int rename_to(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	/* A file system need not know how. */
	if (errno != EINVAL || link(from, to))
		return -errno;
	(void)unlink(from);
	return 0;
}

/**
 * new_place_keep() - give the file its name
 * @place: with a file that is whole and durable
 *
 * Return: 0, and the name is durable; or a negative errno after a message.
 */
int new_place_keep(struct new_place *place)
{
	int err;

	if (place->device)
		return 0;
	err = rename_to(place->path, place->name);
	if (err)
		msg_err("%s: the file cannot get its name: %s", place->name,
			strerror(-err));
	else
		err = directory_keep(place->name);
	return err;
}

/**
 * new_place_drop() - remove what is left of it
 * @place: from new_place_begin(); a file that has its name stays
 */
void new_place_drop(struct new_place *place)
{
	if (place->directory) {
		if (place->path)
			(void)unlink(place->path);
		(void)rmdir(place->directory);
	}
	free(place->directory);
	free(place->path);
	*place = (struct new_place){ 0 };
}
