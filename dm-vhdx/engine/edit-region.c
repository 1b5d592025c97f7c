// SPDX-License-Identifier: GPL-2.0-only
/* The region tables of an edit: see edit.h. */
#include "edit.h"

/* Set the entry of a region, which a table that was decoded has. */
static u32 change_entry(struct vhdx_disk_region_table *table,
			const struct vhdx_region_place *to)
{
	u32 index = 0;

	while (!guid_equal(&table->entry[index].guid, to->guid))
		index++;
	table->entry[index].file_offset = cpu_to_le64(to->offset);
	table->entry[index].length = cpu_to_le32(to->length);
	return index;
}

/* Of a valid copy only the header and the entries change. */
static int edit_copy(struct vhdx_edit *edit, u64 pos,
		     struct vhdx_disk_region_table *table,
		     const struct vhdx_region_place *to, u32 count)
{
	int r = vhdx_edit_write(edit, pos, table,
				offsetof(struct vhdx_disk_region_table, entry));
	u32 i;

	for (i = 0; i < count && !r; i++) {
		void *entry = &table->entry[change_entry(table, &to[i])];

		r = vhdx_edit_write(edit, pos + ((u8 *)entry - (u8 *)table),
				    entry,
				    sizeof(struct vhdx_disk_region_entry));
	}
	return r;
}

/**
 * vhdx_edit_regions() - give regions other places
 * @edit: the edit; after an error it can only be freed
 * @to: the regions, which the image has, and their places
 * @count: number of regions
 *
 * Both copies of the region table name the new places. A copy that is invalid is
 * replaced.
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; or an errno of vhdx_edit_write().
 */
int vhdx_edit_regions(struct vhdx_edit *edit,
		      const struct vhdx_region_place *to, u32 count)
{
	struct vhdx_image *image = edit->session->image;
	u8 *tables = kvmalloc(2 * VHDX_TABLE_SIZE, GFP_KERNEL);
	struct vhdx_disk_region_table *good =
		(void *)(tables + image->region_copy * VHDX_TABLE_SIZE);
	bool valid[2];
	u32 i;
	int r;

	if (!tables)
		return -ENOMEM;
	r = vhdx_image_region_tables(image, tables, valid, edit->report);
	for (i = 0; i < count && !r; i++)
		change_entry(good, &to[i]);
	if (!r)
		vhdx_checksum_set(good, VHDX_TABLE_SIZE);
	for (i = 0; i < 2 && !r; i++) {
		u64 pos = VHDX_REGION_TABLE_OFFSET(i);

		r = valid[i] ? edit_copy(edit, pos, good, to, count) :
			       vhdx_edit_write(edit, pos, good,
					       VHDX_TABLE_SIZE);
	}
	kvfree(tables);
	return r;
}
