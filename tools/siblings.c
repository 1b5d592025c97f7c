// SPDX-License-Identifier: GPL-2.0-only
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "place.h"
#include "side.h"
#include "siblings.h"

/* Pages of an image: only its locator and its tables are read. */
#define POOL_PAGES	64UL

/**
 * struct search - images that name a parent
 * @disk: the chain; its own images are none of them
 * @parent: the parent
 * @known: other images that are none of them
 * @known_count: how many
 * @is_harmless: they are only warned of
 * @count: found so far
 */
struct search {
	const struct disk *disk;
	const struct layer *parent;
	const char *const *known;
	u32 known_count;
	bool is_harmless;
	u32 count;
};

static bool names_parent(const struct search *search, struct vhdx_store *store)
{
	struct vhdx_image *image = vhdx_image_open(store, POOL_PAGES,
						   &vhdx_report_silent);
	const guid_t *identity = vhdx_image_identity(search->parent->image);
	bool names;

	if (IS_ERR(image))
		return false;
	names = image->locator &&
		vhdx_locator_matches(image->locator, identity);
	vhdx_image_close(image);
	return names;
}

static bool is_own(const struct disk *disk, const struct user_store *file)
{
	u32 i;

	for (i = 0; i < disk->depth; i++)
		if (user_store_same(&disk->layer[i]->file, file))
			return true;
	return false;
}

static bool is_known(const struct search *search, const struct user_store *file)
{
	struct stat st;
	u32 i;

	for (i = 0; i < search->known_count; i++)
		if (!stat(search->known[i], &st) && file->dev == st.st_dev &&
		    file->ino == st.st_ino)
			return true;
	return is_own(search->disk, file);
}

/* A merge that was killed may leave an empty child beside the disk. */
static void tell(struct search *search, const char *path)
{
	if (is_side(path, search->disk->layer[0]->path)) {
		msg_warn("%s: is left over from a merge that did not end; nothing needs it",
			 path);
		return;
	}
	if (search->is_harmless)
		msg_warn("%s: is a child of %s, and will not open any more",
			 path, search->parent->path);
	else
		msg_err("%s: is a child of %s", path, search->parent->path);
	search->count++;
}

/* Print nothing about files that are not children. */
static int look_at(struct search *search, int place, const char *name)
{
	char *path = place_name(place, name);
	struct user_store file;

	if (!path)
		return -ENOMEM;
	if (!user_store_open_place(&file, place, path, USER_PEEK)) {
		if (!is_known(search, &file) &&
		    names_parent(search, &file.store))
			tell(search, path);
		user_store_close(&file);
	}
	free(path);
	return 0;
}

static int look_in(struct search *search, const char *directory)
{
	DIR *dir = place_list(directory);
	struct dirent *entry;
	int place, err = 0;

	if (!dir) {
		msg_err("%s: cannot be searched for other children: %s",
			directory, strerror(errno));
		return -errno;
	}
	while (!err && (entry = readdir(dir))) {
		place = place_entry(dir, entry->d_name);
		if (place < 0)
			continue;
		err = look_at(search, place, entry->d_name);
		close(place);
	}
	closedir(dir);
	return err;
}

static int look(struct search *search)
{
	char *one = strdup(search->parent->path);
	char *two = strdup(search->disk->layer[0]->path);
	int err = one && two ? 0 : -ENOMEM;

	if (!err)
		err = look_in(search, dirname(one));
	if (!err && strcmp(dirname(two), one))
		err = look_in(search, two);
	free(one);
	free(two);
	return err;
}

/**
 * siblings_say() - print which images name an image of a chain as their parent
 * @disk: the chain, from disk_follow()
 * @nr: index of the parent in it
 * @is_harmless: only warn of them
 * @count: set to their number, without the chain's own images
 *
 * Searches the directories of that image and of the chain's first one.
 *
 * Return: 0, or a negative errno after a message.
 */
int siblings_say(const struct disk *disk, u32 nr, bool is_harmless, u32 *count)
{
	return siblings_say_but(disk, nr, NULL, 0, is_harmless, count);
}

/**
 * siblings_say_but() - the same, but for those that are known
 * @disk: as for siblings_say()
 * @nr: likewise
 * @known: paths of images that are not named
 * @known_count: how many
 * @is_harmless: as for siblings_say()
 * @count: set to how many others there are
 *
 * Return: as siblings_say().
 */
int siblings_say_but(const struct disk *disk, u32 nr, const char *const *known,
		     u32 known_count, bool is_harmless, u32 *count)
{
	struct search search = {
		.disk = disk,
		.parent = disk->layer[nr],
		.known = known,
		.known_count = known_count,
		.is_harmless = is_harmless,
	};
	int err = look(&search);

	*count = search.count;
	return err;
}

/**
 * siblings_guard() - refuse a change after which children would not open
 * @disk: the image to change, from disk_open()
 * @path: the user's name for the image
 * @force: permit the change, and only warn of the children
 * @does: what --force does, as in "resizes", for the message
 *
 * Return: 0 if there are no children or @force is set; -EBUSY or another
 * negative errno after a message.
 */
int siblings_guard(const struct disk *disk, const char *path, bool force,
		   const char *does)
{
	u32 found;
	int err = siblings_say(disk, 0, force, &found);

	if (err || !found || force)
		return err;
	msg_err("%s: has children, which would not open any more; --force %s all the same",
		path, does);
	return -EBUSY;
}
