// SPDX-License-Identifier: GPL-2.0-only
#include "fork.h"

/* No writer makes this much; a parent may be hostile. */
#define VALUES_MAX ((u32)(16 * VHDX_MIB))

/* The six items that every child has on its own. */
#define OWN_ITEMS 6U

/* The layout of a new image writes these from its parameters. */
static bool is_own(const struct vhdx_item *item)
{
	static const guid_t own[] = {
		VHDX_GUID_FILE_PARAMETERS,     VHDX_GUID_VIRTUAL_DISK_SIZE,
		VHDX_GUID_LOGICAL_SECTOR_SIZE, VHDX_GUID_PHYSICAL_SECTOR_SIZE,
		VHDX_GUID_VIRTUAL_DISK_ID,     VHDX_GUID_PARENT_LOCATOR,
	};
	u32 i;

	if (item->flags & VHDX_ITEM_IS_USER)
		return false;
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (guid_equal(&item->id, &own[i]))
			return true;
	return false;
}

static bool travels(const struct vhdx_fork *fork, const struct vhdx_item *item)
{
	if (is_own(item))
		return false;
	return fork->replaces || (item->flags & VHDX_ITEM_IS_VIRTUAL_DISK);
}

/* Values begin at multiples of 8 bytes, as a store wants its buffers. */
static u32 value_room(const struct vhdx_item *item)
{
	return ALIGN(item->length, 8U);
}

static int make_room(struct vhdx_fork *fork, const struct vhdx_image *parent,
		     struct vhdx_report *report)
{
	const struct vhdx_metadata *metadata = &parent->metadata;
	u32 count = 0, i;
	u64 length = 0;

	for (i = 0; i < metadata->count; i++) {
		if (!travels(fork, &metadata->items[i]))
			continue;
		length += value_room(&metadata->items[i]);
		count++;
	}
	if (length > VALUES_MAX || count > VHDX_TABLE_ENTRIES_MAX - OWN_ITEMS)
		return vhdx_refuse(report, -EOPNOTSUPP,
				   VHDX_AT("metadata table", metadata->base),
				   "a child would need %u items with %llu bytes of its parent's metadata, the limits are %u and %u",
				   count, length,
				   VHDX_TABLE_ENTRIES_MAX - OWN_ITEMS,
				   VALUES_MAX);
	fork->values_length = length;
	fork->items = kvcalloc(count + 1, sizeof(*fork->items), GFP_KERNEL);
	fork->values = kvzalloc(length + 8, GFP_KERNEL);
	return fork->items && fork->values ? 0 : -ENOMEM;
}

static int copy_item(struct vhdx_fork *fork, struct vhdx_image *parent,
		     const struct vhdx_item *item, u32 offset,
		     struct vhdx_report *report)
{
	struct vhdx_item *copy = &fork->items[fork->item_count++];
	u64 pos = parent->metadata.base + item->offset;
	int r = 0;

	*copy = *item;
	copy->flags &= VHDX_ITEM_FLAGS;
	copy->offset = offset;
	if (item->length)
		r = vhdx_image_read(parent, pos, fork->values + offset,
				    item->length);
	if (r)
		vhdx_refuse(report, r, VHDX_AT("metadata item", pos),
			    "cannot be read: %s (%d)", vhdx_errno_words(r), -r);
	return r;
}

static int copy_items(struct vhdx_fork *fork, struct vhdx_image *parent,
		      struct vhdx_report *report)
{
	const struct vhdx_metadata *metadata = &parent->metadata;
	u32 offset = 0, i;
	int r = 0;

	for (i = 0; i < metadata->count && !r; i++) {
		if (!travels(fork, &metadata->items[i]))
			continue;
		r = copy_item(fork, parent, &metadata->items[i], offset,
			      report);
		offset += value_room(&metadata->items[i]);
	}
	return r;
}

static int copy_metadata(struct vhdx_fork *fork, struct vhdx_image *image,
			 struct vhdx_report *report)
{
	int r = make_room(fork, image, report);

	return r ? r : copy_items(fork, image, report);
}

static int make_locator(struct vhdx_fork *fork,
			const struct vhdx_locator *locator,
			struct vhdx_report *report)
{
	fork->locator = kvzalloc(VHDX_LOCATOR_SIZE_MAX, GFP_KERNEL);
	if (!fork->locator)
		return -ENOMEM;
	return vhdx_locator_encode(locator, fork->locator,
				   &fork->locator_length, report);
}

/**
 * vhdx_fork_init() - read what a child takes from its parent
 * @fork: filled in, for &struct vhdx_create; vhdx_fork_exit() in any case
 * @parent: the parent, open; only its metadata is used, and only here
 * @locator: how the child names its parent. Its linkage is the DataWriteGuid
 *	that the parent has, or will have, when the child is used.
 * @report: where findings go
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; or after a finding: -EINVAL or -E2BIG for a locator that
 * cannot be written, -EOPNOTSUPP for a parent with too many items, or an errno
 * of the store.
 * Source: [MS-VHDX] 2.6.1.2: items with IsVirtualDisk go on to a child.
 */
int vhdx_fork_init(struct vhdx_fork *fork, struct vhdx_image *parent,
		   const struct vhdx_locator *locator,
		   struct vhdx_report *report)
{
	int r;

	*fork = (struct vhdx_fork){ .params = parent->params };
	r = make_locator(fork, locator, report);
	return r ? r : copy_metadata(fork, parent, report);
}

/**
 * vhdx_fork_init_same() - read what an empty child in the place of another keeps
 * @fork: filled in, as by vhdx_fork_init()
 * @child: the child whose place it takes, open; only its metadata is used, and
 *	only here
 * @locator: how the new child names its parent, which has all that @child had
 * @report: where findings go
 *
 * The disk stays what it is. So it keeps its DataWriteGuid, and children of
 * @child remain its children.
 *
 * Context: may sleep.
 * Return: as vhdx_fork_init().
 */
int vhdx_fork_init_same(struct vhdx_fork *fork, struct vhdx_image *child,
			const struct vhdx_locator *locator,
			struct vhdx_report *report)
{
	int r;

	*fork = (struct vhdx_fork){
		.params = child->params,
		.replaces = true,
		.identity = *vhdx_image_identity(child),
	};
	r = make_locator(fork, locator, report);
	return r ? r : copy_metadata(fork, child, report);
}

/**
 * vhdx_fork_exit() - free a fork
 * @fork: as vhdx_fork_init() left it
 */
void vhdx_fork_exit(struct vhdx_fork *fork)
{
	kvfree(fork->locator);
	kvfree(fork->items);
	kvfree(fork->values);
	*fork = (struct vhdx_fork){};
}
