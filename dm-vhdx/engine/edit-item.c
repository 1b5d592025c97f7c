// SPDX-License-Identifier: GPL-2.0-only
/* The metadata table of an edit: see edit.h. */
#include "edit.h"

static bool same_kind(u32 a, u32 b)
{
	return !((a ^ b) & VHDX_ITEM_IS_USER);
}

static struct vhdx_item *edit_find(struct vhdx_edit *edit, const guid_t *id,
				   u32 flags)
{
	struct vhdx_metadata *metadata = &edit->metadata;
	u32 i;

	for (i = 0; i < metadata->count; i++)
		if (guid_equal(&metadata->items[i].id, id) &&
		    same_kind(metadata->items[i].flags, flags))
			return &metadata->items[i];
	return NULL;
}

/* Is a range of the region free, but for what @own has? */
static bool is_free(const struct vhdx_edit *edit, const struct vhdx_item *own,
		    u64 offset, u32 length)
{
	const struct vhdx_metadata *metadata = &edit->metadata;
	u32 i;

	if (offset < VHDX_TABLE_SIZE || offset + length > metadata->length)
		return false;
	for (i = 0; i < metadata->count; i++) {
		const struct vhdx_item *item = &metadata->items[i];

		if (item != own && item->length &&
		    offset < (u64)item->offset + item->length &&
		    item->offset < offset + length)
			return false;
	}
	return true;
}

/*
 * A place for @length bytes of @item: its own, or behind the table or another
 * item. Returns 0 if there is none.
 */
static u32 find_place(const struct vhdx_edit *edit,
		      const struct vhdx_item *item, u32 length)
{
	const struct vhdx_metadata *metadata = &edit->metadata;
	u32 i;

	if (item->length && is_free(edit, item, item->offset, length))
		return item->offset;
	if (is_free(edit, item, VHDX_TABLE_SIZE, length))
		return VHDX_TABLE_SIZE;
	for (i = 0; i < metadata->count; i++) {
		const struct vhdx_item *other = &metadata->items[i];
		u64 end = ALIGN((u64)other->offset + other->length, 8ULL);

		if (other->length && is_free(edit, item, end, length))
			return end;
	}
	return 0;
}

static int write_entry(struct vhdx_edit *edit, const struct vhdx_item *item)
{
	struct vhdx_disk_metadata_entry disk = {
		.item_id = item->id,
		.offset = cpu_to_le32(item->offset),
		.length = cpu_to_le32(item->length),
		.flags = cpu_to_le32(item->flags),
	};
	u64 pos = edit->metadata.base +
		  offsetof(struct vhdx_disk_metadata_table, entry) +
		  item->index * sizeof(disk);

	return vhdx_edit_write(edit, pos, &disk, sizeof(disk));
}

static int write_count(struct vhdx_edit *edit)
{
	__le16 count = cpu_to_le16(edit->metadata.count);

	return vhdx_edit_write(edit, edit->metadata.base +
			       offsetof(struct vhdx_disk_metadata_table,
					entry_count), &count, sizeof(count));
}

static u32 user_count(const struct vhdx_metadata *metadata)
{
	u32 i, users = 0;

	for (i = 0; i < metadata->count; i++)
		users += metadata->items[i].flags & VHDX_ITEM_IS_USER;
	return users;
}

/* Returns a new item without a place, or an ERR_PTR. */
static struct vhdx_item *add_item(struct vhdx_edit *edit, const guid_t *id,
				  u32 flags)
{
	struct vhdx_metadata *metadata = &edit->metadata;
	u32 count = metadata->count;
	struct vhdx_item *items;

	if (count == VHDX_TABLE_ENTRIES_MAX) {
		vhdx_refuse(edit->report, -ENOSPC,
			    VHDX_AT("metadata table", metadata->base),
			    "has no room for one more than %u entries", count);
		return ERR_PTR(-ENOSPC);
	}
	if (flags & VHDX_ITEM_IS_USER &&
	    user_count(metadata) == VHDX_USER_ITEMS_MAX) {
		vhdx_refuse(edit->report, -ENOSPC,
			    VHDX_AT("metadata table", metadata->base),
			    "has %u user items already, the limit of the format",
			    VHDX_USER_ITEMS_MAX);
		return ERR_PTR(-ENOSPC);
	}
	items = kvcalloc(count + 1, sizeof(*items), GFP_KERNEL);
	if (!items)
		return ERR_PTR(-ENOMEM);
	memcpy(items, metadata->items, count * sizeof(*items));
	items[count] = (struct vhdx_item){ .id = *id, .index = count };
	kvfree(metadata->items);
	metadata->items = items;
	metadata->count++;
	return &items[count];
}

static int place_item(struct vhdx_edit *edit, struct vhdx_item *item,
		      u32 length)
{
	const struct vhdx_metadata *metadata = &edit->metadata;
	u32 offset = length ? find_place(edit, item, length) : 0;
	char id[VHDX_GUID_TEXT_SIZE];

	if (length > VHDX_ITEM_SIZE_MAX || (length && !offset))
		return vhdx_refuse(edit->report, -ENOSPC,
				   VHDX_AT("metadata region", metadata->base),
				   "has no room for the %u bytes of item %s",
				   length, vhdx_guid_text(&item->id, id));
	item->offset = offset;
	item->length = length;
	return 0;
}

/**
 * vhdx_edit_item() - replace or add a metadata item
 * @edit: the edit; after an error it can only be freed
 * @id: GUID of the item
 * @flags: VHDX_ITEM_*; an item is another one if VHDX_ITEM_IS_USER differs
 * @value: its bytes
 * @length: number of bytes; 0 for an item that is there and empty
 *
 * An item that grows moves within the metadata region if it has to.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; or after a finding: -ENOSPC if the table or the region has
 * no room, or an errno of vhdx_edit_write().
 * Source: [MS-VHDX] 2.6.1.2.
 */
int vhdx_edit_item(struct vhdx_edit *edit, const guid_t *id, u32 flags,
		   const void *value, u32 length)
{
	struct vhdx_item *item = edit_find(edit, id, flags);
	int r;

	if (!item)
		item = add_item(edit, id, flags);
	if (IS_ERR(item))
		return PTR_ERR(item);
	item->flags = flags;
	r = place_item(edit, item, length);
	if (!r && length)
		r = vhdx_edit_write(edit, edit->metadata.base + item->offset,
				    value, length);
	if (!r)
		r = write_entry(edit, item);
	return r ? r : write_count(edit);
}

/**
 * vhdx_edit_value() - give a system item of the image another value
 * @edit: the edit; after an error it can only be freed
 * @id: GUID of the item, which keeps its flags
 * @value: its bytes
 * @length: number of bytes
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such item; or an errno of vhdx_edit_item().
 */
int vhdx_edit_value(struct vhdx_edit *edit, const guid_t *id,
		    const void *value, u32 length)
{
	const struct vhdx_item *item = edit_find(edit, id, 0);

	if (!item)
		return -ENOENT;
	return vhdx_edit_item(edit, id, item->flags, value, length);
}

/**
 * vhdx_edit_locator() - give a child another parent locator
 * @edit: the edit; after an error it can only be freed
 * @locator: the new locator
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; or an errno of vhdx_locator_encode() or vhdx_edit_item().
 */
int vhdx_edit_locator(struct vhdx_edit *edit,
		      const struct vhdx_locator *locator)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	u8 *item = kvzalloc(VHDX_LOCATOR_SIZE_MAX, GFP_KERNEL);
	u32 length;
	int r;

	if (!item)
		return -ENOMEM;
	r = vhdx_locator_encode(locator, item, &length, edit->report);
	if (!r)
		r = vhdx_edit_item(edit, &id, VHDX_ITEM_IS_REQUIRED, item,
				   length);
	kvfree(item);
	return r;
}

/**
 * vhdx_edit_remove() - remove a metadata item
 * @edit: the edit; after an error it can only be freed
 * @id: GUID of the item
 * @flags: whether it is the user's: VHDX_ITEM_IS_USER
 *
 * The last entry of the table takes the place of the one that goes.
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such item; or an errno of vhdx_edit_write().
 */
int vhdx_edit_remove(struct vhdx_edit *edit, const guid_t *id, u32 flags)
{
	struct vhdx_metadata *metadata = &edit->metadata;
	struct vhdx_item *item = edit_find(edit, id, flags);
	const struct vhdx_item none = { .index = metadata->count - 1 };
	struct vhdx_item *last;
	int r = 0;

	if (!item)
		return -ENOENT;
	for (last = metadata->items; last->index != none.index; last++)
		;
	if (last != item) {
		last->index = item->index;
		r = write_entry(edit, last);
	}
	*item = metadata->items[--metadata->count];
	if (!r)
		r = write_entry(edit, &none);
	return r ? r : write_count(edit);
}

/**
 * vhdx_edit_size() - give the virtual disk another size
 * @edit: the edit; after an error it can only be freed
 * @size: bytes
 *
 * Context: may sleep.
 * Return: as vhdx_edit_value().
 */
int vhdx_edit_size(struct vhdx_edit *edit, u64 size)
{
	__le64 disk = cpu_to_le64(size);

	return vhdx_edit_value(edit, &VHDX_GUID_VIRTUAL_DISK_SIZE, &disk,
			       sizeof(disk));
}
