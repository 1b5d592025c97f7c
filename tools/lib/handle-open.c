// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "handle.h"
#include "place.h"

#define FLAGS	(VHDX_OPEN_PARENTS_ANYWHERE | VHDX_OPEN_IGNORE_ID | \
		 VHDX_OPEN_WHILE_WRITTEN)

/**
 * vhdx_disk_set_flags() - choose how images are opened
 * @handle: the handle, not open
 * @flags: VHDX_OPEN_*
 *
 * Return: 0 or a negative errno: -EINVAL for an unknown flag.
 */
int vhdx_disk_set_flags(struct vhdx_disk *handle, unsigned int flags)
{
	int err = handle_begin(handle, HANDLE_CLOSED);

	if (err)
		return err;
	if (flags & ~FLAGS) {
		msg_err("unknown flags: 0x%x", flags & ~FLAGS);
		return handle_end(handle, -EINVAL);
	}
	handle->flags = flags;
	return handle_end(handle, 0);
}

/**
 * vhdx_disk_add_parent() - name a parent
 * @handle: the handle, not open
 * @path: path of the parent; copied
 *
 * Return: 0 or a negative errno.
 */
int vhdx_disk_add_parent(struct vhdx_disk *handle, const char *path)
{
	int err = handle_begin(handle, HANDLE_CLOSED);
	char *copy;

	if (err)
		return err;
	if (handle->parent_count == VHDX_CHAIN_MAX - 1) {
		msg_err("%s: is one parent more than a chain can have, which is %u",
			path, VHDX_CHAIN_MAX - 1);
		return handle_end(handle, -ELOOP);
	}
	copy = strdup(path);
	if (!copy)
		return handle_end(handle, -ENOMEM);
	handle->parents[handle->parent_count++] = copy;
	return handle_end(handle, 0);
}

/**
 * handle_options() - make the options of an opening
 * @handle: the handle
 * @options: filled in; they go with the handle
 */
void handle_options(struct vhdx_disk *handle, struct disk_options *options)
{
	*options = (struct disk_options){
		.sink = &handle->sink,
		.parents = (const char *const *)handle->parents,
		.parent_count = handle->parent_count,
		.parents_anywhere = handle->flags & VHDX_OPEN_PARENTS_ANYWHERE,
		.ignore_id = handle->flags & VHDX_OPEN_IGNORE_ID,
		.while_written = handle->flags & VHDX_OPEN_WHILE_WRITTEN,
		.no_parents = handle->no_parents,
	};
}

static int open_place(struct vhdx_disk *handle, int place, const char *path)
{
	struct disk_options options;
	int err;

	handle_options(handle, &options);
	err = disk_open(place, path, &options, &handle->disk);
	if (err)
		return err;
	vhdx_guid_text(&handle->disk->layer[0]->image->params.disk_id,
		       handle->id);
	return 0;
}

/**
 * handle_open_place() - open the image of a descriptor
 * @handle: the handle, not open
 * @place: descriptor from place_find(), which the caller closes
 * @path: the caller's name for it
 *
 * Return: as vhdx_disk_open().
 */
int handle_open_place(struct vhdx_disk *handle, int place, const char *path)
{
	int err = handle_begin(handle, HANDLE_CLOSED);

	return err ? err : handle_end(handle, open_place(handle, place, path));
}

/**
 * vhdx_disk_open() - open an image, without its parents
 * @handle: the handle, not open
 * @path: path of a file or a block device
 *
 * Return: 0 or a negative errno.
 */
int vhdx_disk_open(struct vhdx_disk *handle, const char *path)
{
	int place, err = handle_begin(handle, HANDLE_CLOSED);

	if (err)
		return err;
	err = place_find(path, &place);
	if (err)
		return handle_end(handle, err);
	err = open_place(handle, place, path);
	close(place);
	return handle_end(handle, err);
}

/**
 * vhdx_disk_open_parents() - open the parents of the image, if it has any
 * @handle: the handle, open
 *
 * Return: 0 or a negative errno. After a failure, the parents that were found
 * are open, and are counted by vhdx_disk_depth().
 */
int vhdx_disk_open_parents(struct vhdx_disk *handle)
{
	int err = handle_begin(handle, HANDLE_OPEN);

	if (err)
		return err;
	if (!handle->disk->chain)
		err = disk_follow(handle->disk);
	return handle_end(handle, err);
}
