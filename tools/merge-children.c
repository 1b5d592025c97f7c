// SPDX-License-Identifier: GPL-2.0-only
#include "child-link.h"
#include "device-name.h"
#include "exit-codes.h"
#include "findings.h"
#include "merge-children.h"
#include "message.h"
#include "open-image.h"
#include "relink.h"

/* Check this first: our own locks would make the image look in use. */
static int check_cycle(const struct disk *disk, const char *path)
{
	struct user_store file;
	u32 i = 0;
	int err = user_store_open(&file, path, USER_PEEK);

	if (err)
		return err;
	while (i < disk->depth &&
	       !user_store_same(&disk->layer[i]->file, &file))
		i++;
	user_store_close(&file);
	if (i == disk->depth)
		return 0;
	msg_err("--child %s: is in the chain of %s, and no child of it", path,
		disk->layer[0]->path);
	return -ELOOP;
}

static int open_child(const struct options *options, const struct disk *disk,
		      const char *path, struct disk **child)
{
	struct options alone = *options;
	int err = check_cycle(disk, path);

	if (err)
		return err;
	alone.parent_count = 0;
	return open_image(&alone, path, OPEN_WRITABLE, sink_messages(), child);
}

static bool names(const struct layer *child, const struct layer *parent)
{
	return child->image->locator &&
	       vhdx_locator_matches(child->image->locator,
				    vhdx_image_identity(parent->image));
}

/*
 * Return the name of a parent on a device, for free(): the user's, or the one that
 * the image recorded, if that lasts.
 */
static char *device_path(const struct options *options, const struct disk *disk)
{
	const struct layer *parent = disk->layer[1];
	char *name = NULL;
	unsigned int i;

	for (i = 0; i < options->parent_count && !name; i++)
		name = device_name_given(options->parents[i], parent->file.dev,
					 child_link_fits);
	return name ? name : child_link_device(disk->layer[0], parent);
}

/* The name by which children are to find the parent of the image that goes. */
static char *parent_path(const struct options *options, const struct disk *disk)
{
	const struct layer *parent = disk->layer[1];

	return parent->file.device ? device_path(options, disk) :
				     strdup(parent->path);
}

/* Where Windows finds the parent of the image that goes, the image knew. */
static int make_locator(const struct disk *disk, const struct layer *child,
			const char *parent, struct vhdx_locator **locator)
{
	const struct vhdx_locator *old = disk->layer[0]->image->locator;
	const struct child_link link = {
		.child = child->path,
		.parent = parent,
	};
	const guid_t *identity = vhdx_image_identity(disk->layer[1]->image);
	int err = child_link_locator(&link, identity, locator);

	if (err)
		return err;
	err = child_link_windows(*locator, old);
	if (err)
		vhdx_locator_free(*locator);
	return err;
}

static int check_identity(const struct disk *disk, const struct layer *child,
			  bool done)
{
	if (names(child, disk->layer[0]) ||
	    (done && names(child, disk->layer[1])))
		return 0;
	msg_err("--child %s: is no child of %s, by the identity that it names",
		child->path, disk->layer[0]->path);
	return -ENOPARENT;
}

static int check_child(const struct disk *disk, const struct layer *child,
		       const char *parent, bool done)
{
	struct vhdx_locator *locator;
	int err = check_identity(disk, child, done);

	if (!err)
		err = make_locator(disk, child, parent, &locator);
	if (!err)
		vhdx_locator_free(locator);
	return err;
}

/**
 * merge_children_check() - can the children go on over the parent?
 * @options: of the command line, with their paths
 * @disk: the image that is merged, and its parents
 * @done: the parent has all of it, so that some may name the parent already
 *
 * Return: 0, or a negative errno after a message: -ENOPARENT for one that is no
 * child of the image, -ETXTBSY for one that is in use.
 */
int merge_children_check(const struct options *options,
			 const struct disk *disk, bool done)
{
	char *parent = parent_path(options, disk);
	struct disk *child;
	unsigned int i;
	int err = parent ? 0 : -ENOMEM;

	for (i = 0; i < options->child_count && !err; i++) {
		err = open_child(options, disk, options->children[i], &child);
		if (err)
			break;
		err = check_child(disk, child->layer[0], parent, done);
		disk_close(child);
	}
	free(parent);
	return err;
}

/* The child keeps its disk and its identity, and so its own children. */
static int move(const struct disk *disk, struct layer *child, const char *parent)
{
	struct vhdx_locator *locator;
	int err;

	/* An earlier merge moved this child, or it is given twice. */
	if (names(child, disk->layer[1]))
		return 0;
	err = check_identity(disk, child, false);
	if (!err)
		err = make_locator(disk, child, parent, &locator);
	if (err)
		return err;
	err = relink(child, locator, true);
	if (!err)
		msg_info("%s: its parent is %s from now on", child->path,
			 parent);
	if (!err && child_link_leads_out(locator, &disk->layer[1]->file))
		child_link_tell(child->path);
	vhdx_locator_free(locator);
	return err;
}

/**
 * merge_children_move() - have the children name the parent
 * @options: of the command line, with their paths
 * @disk: the image that is merged, and its parents; the parent has all of it,
 *	durably
 *
 * Each child has its old parent or the new one at any time, and reads the same
 * over either.
 *
 * Return: 0, and that is durable; or a negative errno after a message: some may
 * have the new one, and the image must stay.
 */
int merge_children_move(const struct options *options,
			const struct disk *disk)
{
	char *parent = parent_path(options, disk);
	struct disk *child;
	unsigned int i;
	int err = parent ? 0 : -ENOMEM;

	if (!err && options->child_count)
		child_link_warn(parent);
	for (i = 0; i < options->child_count && !err; i++) {
		err = open_child(options, disk, options->children[i], &child);
		if (err)
			break;
		err = move(disk, child->layer[0], parent);
		disk_close(child);
	}
	free(parent);
	return err;
}
