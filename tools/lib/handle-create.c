// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "child-link.h"
#include "fork.h"
#include "handle.h"
#include "new-image.h"
#include "place.h"

#define FLAGS	(VHDX_CREATE_FIXED | VHDX_CREATE_PREALLOCATE | \
		 VHDX_CREATE_NO_HOLES)

/**
 * struct making - an image to make
 * @new: what it is
 * @parent: the parent and its ancestors, open; NULL for none
 * @fork: what it takes from the parent
 */
struct making {
	struct new_image new;
	struct disk *parent;
	struct vhdx_fork fork;
};

static int take_creation(struct vhdx_creation *all,
			 const struct vhdx_creation *given)
{
	const u8 *bytes = (const u8 *)given;
	size_t i;

	*all = (struct vhdx_creation){ 0 };
	for (i = sizeof(*all); i < given->struct_size; i++) {
		if (!bytes[i])
			continue;
		msg_err("the image is to have what this version of libvhdx does not know");
		return -E2BIG;
	}
	memcpy(all, given, min(given->struct_size, sizeof(*all)));
	if (!(all->flags & ~FLAGS) && !all->reserved)
		return 0;
	msg_err("unknown flags: 0x%x", all->flags & ~FLAGS);
	return -EINVAL;
}

static void plan(struct making *making, const struct vhdx_creation *creation)
{
	bool fixed = creation->flags & VHDX_CREATE_FIXED;

	making->new.no_sparse = creation->flags & VHDX_CREATE_NO_HOLES;
	making->new.create = (struct vhdx_create){
		.size = creation->size,
		.block_size = creation->block_size,
		.logical_sector = creation->sector_size,
		.physical_sector = creation->physical_sector_size,
		.log_length = creation->log_size,
		.allocated = fixed || creation->flags & VHDX_CREATE_PREALLOCATE,
		.fixed = fixed,
		.fork = making->parent ? &making->fork : NULL,
	};
	vhdx_layout_usual(&making->new.create);
}

static int check_plan(const struct making *making)
{
	const struct vhdx_create *create = &making->new.create;
	const void *member;
	const char *fault = vhdx_layout_fault(create, &member);

	if (fault) {
		msg_err("%s: %s", making->new.path, fault);
		return -EINVAL;
	}
	if (!making->parent || create->size >= making->fork.params.size)
		return 0;
	msg_err("%s: a child that is smaller than its parent would cut its disk",
		making->new.path);
	return -EINVAL;
}

static int make_fork(struct making *making, const char *given)
{
	struct layer *parent = making->parent->layer[0];
	const struct child_link link = {
		.child = making->new.path,
		.parent = child_link_name(parent, given),
	};
	struct vhdx_locator *locator;
	int err;

	child_link_warn(link.parent);
	err = child_link_locator(&link, vhdx_image_identity(parent->image),
				 &locator);
	if (err)
		return err;
	err = vhdx_fork_init(&making->fork, parent->image, locator,
			     &parent->report);
	vhdx_locator_free(locator);
	return err;
}

/* The first path is that of the parent, so it has one less for its own. */
static int open_parent(struct vhdx_disk *handle, struct making *making)
{
	struct disk_options options;
	int place, err;

	handle_options(handle, &options);
	options.parents++;
	options.parent_count--;
	err = place_find(handle->parents[0], &place);
	if (err)
		return err;
	err = disk_open(place, handle->parents[0], &options, &making->parent);
	close(place);
	if (!err)
		err = disk_follow(making->parent);
	if (!err)
		err = child_link_suits(making->parent);
	making->new.parent = making->parent;
	return err ? err : make_fork(making, handle->parents[0]);
}

static int create(struct vhdx_disk *handle, struct making *making,
		  const struct vhdx_creation *given)
{
	struct vhdx_creation creation;
	int err = take_creation(&creation, given);

	if (!err && handle->parent_count)
		err = open_parent(handle, making);
	if (err)
		return err;
	plan(making, &creation);
	err = check_plan(making);
	return err ? err : new_image_write(&making->new);
}

/**
 * vhdx_disk_create() - make a new image
 * @handle: the handle, not open
 * @path: path of a file that must not exist
 * @creation: what to make; its struct_size is set
 *
 * Return: 0: the image and its name are durable; or a negative errno, and
 * nothing is left.
 */
int vhdx_disk_create(struct vhdx_disk *handle, const char *path,
		     const struct vhdx_creation *creation)
{
	struct making making = {
		.new = { .path = path, .progress = &handle->progress },
	};
	int err = handle_begin(handle, HANDLE_CLOSED);

	if (err)
		return err;
	err = create(handle, &making, creation);
	vhdx_fork_exit(&making.fork);
	disk_close(making.parent);
	return handle_end(handle, err);
}
