// SPDX-License-Identifier: GPL-2.0-only
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "family.h"
#include "info-tree.h"
#include "message.h"
#include "names.h"
#include "place.h"
#include "windows-path.h"

/* Only the locator and the tables of an image are read. */
#define POOL_PAGES	64UL

/* A picture of more images would not be readable. */
#define MEMBERS_MAX	1024U
#define STRANGERS_MAX	4096U

static const char *recorded_path(const struct vhdx_locator *locator)
{
	if (locator->relative_path)
		return locator->relative_path;
	if (locator->absolute_path)
		return locator->absolute_path;
	return locator->volume_path ? locator->volume_path : "no path";
}

static void member_exit(struct family_member *member)
{
	free(member->path);
	free(member->recorded);
}

static void set_file(struct family_member *member,
		     const struct user_store *file, bool in_chain)
{
	member->dev = file->dev;
	member->ino = file->ino;
	member->in_use = file->in_use;
	member->in_chain = in_chain;
	member->parent = FAMILY_NONE;
}

static int set_image(struct family_member *member,
		     const struct vhdx_image *image)
{
	const struct vhdx_locator *locator = image->locator;

	member->identity = *vhdx_image_identity(image);
	member->disk_id = image->params.disk_id;
	member->size = image->params.size;
	member->sector = image->params.logical_sector;
	member->type = info_type(&image->params);
	member->dirty =
		vhdx_header_dirty(vhdx_header_current(&image->headers));
	if (!locator)
		return 0;
	member->linkage[0] = locator->linkage;
	member->linkage[1] = locator->linkage2;
	member->recorded = strdup(recorded_path(locator));
	return member->recorded ? 0 : -ENOMEM;
}

/* Takes the member; its number, or a negative errno. */
static int add(struct family *family, struct family_member *member)
{
	struct family_member *grown;

	grown = realloc(family->member,
			(family->count + 1) * sizeof(*family->member));
	if (!grown) {
		member_exit(member);
		return -ENOMEM;
	}
	family->member = grown;
	grown[family->count] = *member;
	return (int)family->count++;
}

static bool names(const struct family_member *child,
		  const struct family_member *parent)
{
	const guid_t *identity = &parent->identity;

	return child->recorded && !guid_is_null(identity) &&
	       (guid_equal(identity, &child->linkage[0]) ||
		guid_equal(identity, &child->linkage[1]));
}

/* Judge a parent that was found: its identity, sectors and state. */
static enum family_fault judge(const struct family_member *child,
			       const struct family_member *parent)
{
	if (!parent->type)
		return FAMILY_UNREADABLE;
	if (child->sector != parent->sector)
		return FAMILY_SECTORS;
	if (names(child, parent))
		return FAMILY_WELL;
	return guid_equal(&child->disk_id, &parent->disk_id) ?
		       FAMILY_CHANGED : FAMILY_OTHER;
}

static enum parent_fate look(const struct disk *disk, u32 nr, int *place)
{
	const struct layer *layer = disk->layer[nr];
	const struct parent_wanted wanted = {
		.locator = layer->image->locator,
		.child = &layer->file,
		.path = layer->path,
		.anywhere = disk->options.parents_anywhere,
	};

	return parent_look(&wanted, place);
}

/* Judge an open image, and whether its open parent would be found again. */
static enum family_fault judge_layer(const struct family *family,
				     const struct disk *disk, u32 nr)
{
	enum family_fault fault = judge(&family->member[nr],
					&family->member[nr + 1]);
	enum parent_fate fate;
	int place;

	if (fault != FAMILY_WELL)
		return fault;
	fate = look(disk, nr, &place);
	if (place >= 0)
		close(place);
	if (fate == PARENT_NAMED)
		return FAMILY_WELL;
	return fate == PARENT_RENAMED ? FAMILY_RENAMED : FAMILY_ELSEWHERE;
}

static int add_layers(struct family *family, const struct disk *disk)
{
	u32 i;
	int r = 0;

	for (i = 0; i < disk->depth && r >= 0; i++) {
		const struct layer *layer = disk->layer[i];
		struct family_member member = { .path = strdup(layer->path) };

		set_file(&member, &layer->file, true);
		r = set_image(&member, layer->image);
		if (!member.path)
			r = -ENOMEM;
		if (r)
			member_exit(&member);
		else
			r = add(family, &member);
	}
	for (i = 0; r >= 0 && i + 1 < disk->depth; i++) {
		family->member[i].parent = i + 1;
		family->member[i].fault = judge_layer(family, disk, i);
	}
	return min(r, 0);
}

/* The image of a file; what cannot be read stays without a type. Takes @file. */
static int take_file(struct family_member *member, struct user_store *file)
{
	struct vhdx_image *image;
	int err = 0;

	image = vhdx_image_open(&file->store, POOL_PAGES, &vhdx_report_silent);
	if (!IS_ERR(image)) {
		err = set_image(member, image);
		vhdx_image_close(image);
	}
	user_store_close(file);
	return err;
}

/* What the chain breaks off at: it is there, and was not opened. */
static int add_place(struct family *family, int place)
{
	struct family_member member = {
		.path = place_name(place, "the parent"),
	};
	char path[PLACE_PATH_SIZE];
	struct user_store file;
	int err = member.path ? 0 : -ENOMEM;

	member.parent = FAMILY_NONE;
	member.in_chain = true;
	place_path(place, path);
	if (!err && !access(path, R_OK) &&
	    !user_store_open_place(&file, place, member.path, USER_LOOK)) {
		set_file(&member, &file, true);
		err = take_file(&member, &file);
	}
	if (!err)
		return add(family, &member);
	member_exit(&member);
	return err;
}

static bool is_member(const struct family *family, dev_t dev, ino_t ino,
		      u32 *nr)
{
	for (*nr = 0; *nr < family->count; (*nr)++)
		if (family->member[*nr].dev == dev &&
		    family->member[*nr].ino == ino)
			return true;
	return false;
}

static int judge_place(struct family *family, u32 top, int place)
{
	struct family_member *child, *parent;
	struct stat st;
	u32 nr;
	int r;

	if (!fstat(place, &st) && is_member(family, st.st_dev, st.st_ino, &nr)) {
		family->member[top].fault = FAMILY_CYCLE;
		return 0;
	}
	r = add_place(family, place);
	if (r < 0)
		return r;
	child = &family->member[top];
	parent = &family->member[r];
	child->parent = (u32)r;
	child->fault = judge(child, parent);
	parent->merely_named = parent->type && !names(child, parent);
	return 0;
}

/* Find out why the chain ends with an image that needs a parent. */
static int judge_top(struct family *family, const struct disk *disk)
{
	static const enum family_fault faults[] = {
		[PARENT_TWICE] = FAMILY_TWICE,
		[PARENT_OUTSIDE] = FAMILY_OUTSIDE,
		[PARENT_NOWHERE] = FAMILY_MISSING,
		[PARENT_MISSING] = FAMILY_MISSING,
	};
	u32 top = disk->depth - 1;
	enum parent_fate fate;
	int place, err = 0;

	fate = look(disk, top, &place);
	if (place < 0) {
		family->member[top].fault = faults[fate];
		return 0;
	}
	err = judge_place(family, top, place);
	close(place);
	return err;
}

/* An image in a directory of the chain; no message of those that are none. */
static int take_stranger(struct family *strangers, int place, const char *name)
{
	struct family_member member = { .path = place_name(place, name) };
	struct user_store file;
	int err = member.path ? 0 : -ENOMEM;

	if (!err && !user_store_open_place(&file, place, member.path, USER_LOOK)) {
		set_file(&member, &file, false);
		err = take_file(&member, &file);
	}
	if (!err && member.recorded)
		return min(add(strangers, &member), 0);
	member_exit(&member);
	return err;
}

/* An entry of such a directory, unless it is known already. */
static int take_place(const struct family *family, struct family *strangers,
		      int place, const char *name)
{
	struct stat st;
	u32 nr;

	if (fstat(place, &st) ||
	    is_member(family, st.st_dev, st.st_ino, &nr) ||
	    is_member(strangers, st.st_dev, st.st_ino, &nr))
		return 0;
	if (strangers->count == STRANGERS_MAX) {
		strangers->more = true;
		return 0;
	}
	return take_stranger(strangers, place, name);
}

static int list_strangers(const struct family *family,
			  struct family *strangers, const char *directory)
{
	DIR *dir = place_list(directory);
	struct dirent *entry;
	int place, err = 0;

	while (dir && !err && !strangers->more && (entry = readdir(dir))) {
		place = place_entry(dir, entry->d_name);
		if (place < 0)
			continue;
		err = take_place(family, strangers, place, entry->d_name);
		close(place);
	}
	if (dir)
		closedir(dir);
	return err;
}

/* In every directory of the chain. */
static int find_strangers(const struct family *family,
			  struct family *strangers)
{
	char *before = NULL;
	int err = 0;
	u32 i;

	for (i = 0; i < family->count && !err; i++) {
		char *copy = strdup(family->member[i].path);
		char *directory = copy ? dirname(copy) : NULL;

		if (!copy)
			err = -ENOMEM;
		else if (*directory == '/' &&
			 (!before || strcmp(before, directory)))
			err = list_strangers(family, strangers, directory);
		free(before);
		before = copy;
	}
	free(before);
	return err;
}

static bool has_name(const struct family_member *child,
		     const struct family_member *parent)
{
	const char *slash = strrchr(parent->path, '/');

	return name_like(windows_path_name(child->recorded),
			 slash ? slash + 1 : parent->path);
}

/* The member that a stranger lies over, or, by name, one that it may mean. */
static u32 find_parent(const struct family *family,
		       const struct family_member *stranger, bool by_name)
{
	u32 i, found = FAMILY_NONE;

	for (i = 0; i < family->count; i++) {
		const struct family_member *member = &family->member[i];
		bool named = has_name(stranger, member);

		if (!member->type ||
		    (by_name ? !named : !names(stranger, member)))
			continue;
		if (found == FAMILY_NONE || named)
			found = i;
	}
	return found;
}

static enum family_fault judge_stranger(const struct family *family,
					const struct family_member *stranger,
					u32 parent)
{
	enum family_fault fault = judge(stranger, &family->member[parent]);

	if (fault == FAMILY_WELL && !has_name(stranger, &family->member[parent]))
		return FAMILY_RENAMED;
	return fault;
}

/* Takes those that lie over a member. Returns how many, or a negative errno. */
static int adopt(struct family *family, struct family *strangers, bool by_name)
{
	int r, count = 0;
	u32 i, parent;

	for (i = 0; i < strangers->count; i++) {
		struct family_member *stranger = &strangers->member[i];

		if (!stranger->path)
			continue;
		parent = find_parent(family, stranger, by_name);
		if (parent == FAMILY_NONE)
			continue;
		if (family->count == MEMBERS_MAX) {
			family->more = true;
			return 0;
		}
		stranger->fault = judge_stranger(family, stranger, parent);
		stranger->parent = parent;
		r = add(family, stranger);
		*stranger = (struct family_member){ 0 };
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

static int find_others(struct family *family)
{
	struct family strangers = { 0 };
	int r = find_strangers(family, &strangers);

	/* Each may have children among those that are left. */
	while (!r) {
		r = adopt(family, &strangers, false);
		if (!r)
			r = adopt(family, &strangers, true);
		if (r <= 0)
			break;
		r = 0;
	}
	family->more |= strangers.more;
	family_free(&strangers);
	return r;
}

/**
 * family_find() - look for the relatives of an image
 * @disk: its chain, as far as it could be opened
 * @family: filled in, for family_free() in any case
 *
 * Only images that may be read are looked at, in the directories of those of the
 * chain; nothing is said of the others.
 *
 * Return: 0 or -ENOMEM.
 */
int family_find(const struct disk *disk, struct family *family)
{
	int err;

	*family = (struct family){ 0 };
	err = add_layers(family, disk);
	if (!err && disk->layer[disk->depth - 1]->image->params.has_parent)
		err = judge_top(family, disk);
	return err ? err : find_others(family);
}

/**
 * family_free() - forget the relatives
 * @family: from family_find()
 */
void family_free(struct family *family)
{
	while (family->count)
		member_exit(&family->member[--family->count]);
	free(family->member);
	family->member = NULL;
}
