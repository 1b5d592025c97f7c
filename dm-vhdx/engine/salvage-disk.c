// SPDX-License-Identifier: GPL-2.0-only
/* Salvage of the metadata: the properties of the disk. */
#include "salvage-find.h"

static int read_item(void *context, u64 pos, void *buf, size_t len)
{
	struct vhdx_salvage *salvage = context;
	u64 start = ALIGN_DOWN(pos, (u64)VHDX_PAGE);
	size_t span = ALIGN(pos + len, (u64)VHDX_PAGE) - start;
	u8 *bounce = kvmalloc(span, GFP_KERNEL);
	int r;

	if (!bounce)
		return -ENOMEM;
	r = vhdx_store_read(&salvage->mend.store, start, bounce, span);
	if (!r)
		memcpy(buf, bounce + (pos - start), len);
	kvfree(bounce);
	return r;
}

/* Return true if a locator can be decoded, as opening an image demands. */
static bool is_locator(const void *item, u32 length)
{
	struct vhdx_locator *locator =
		vhdx_locator_decode(item, length, 0, &vhdx_report_silent);

	if (IS_ERR(locator))
		return false;
	vhdx_locator_free(locator);
	return true;
}

/* Keep the bytes of the locator, if they are good. */
static void take_locator(struct vhdx_salvage *salvage, u64 pos, u32 length)
{
	void *item = kvzalloc(length, GFP_KERNEL);

	if (!item)
		return;
	kvfree(salvage->fork.locator);
	salvage->fork.locator = NULL;
	if (read_item(salvage, pos, item, length) ||
	    !is_locator(item, length)) {
		kvfree(item);
		return;
	}
	salvage->fork.locator = item;
	salvage->fork.locator_length = length;
}

/* The metadata must have all that opening an image requires. */
static bool read_sound(struct vhdx_salvage *salvage, const void *table)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	struct vhdx_layout *layout = &salvage->layout;
	struct vhdx_metadata metadata = {};
	const struct vhdx_item *item;
	bool sound;

	sound = !vhdx_metadata_decode(table, layout->metadata_offset,
				      layout->metadata_length, &metadata,
				      &vhdx_report_silent) &&
		!vhdx_metadata_params(&metadata, read_item, salvage,
				      &layout->params, &vhdx_report_silent);
	if (sound && layout->params.has_parent) {
		item = vhdx_metadata_find(&metadata, &id);
		if (item && item->length)
			take_locator(salvage, metadata.base + item->offset,
				     item->length);
		sound = salvage->fork.locator;
	}
	vhdx_metadata_free(&metadata);
	return sound;
}

static void take_parameters(struct vhdx_params *params,
			    const struct vhdx_disk_file_parameters *disk)
{
	u32 size = le32_to_cpu(disk->block_size);
	u32 flags = le32_to_cpu(disk->flags);

	if (size < VHDX_BLOCK_SIZE_MIN || size > VHDX_BLOCK_SIZE_MAX ||
	    !is_power_of_2(size))
		return;
	params->block_size = size;
	params->has_parent = flags & VHDX_PARAM_HAS_PARENT;
}

static void take_sector_size(u32 *size, __le32 disk)
{
	u32 value = le32_to_cpu(disk);

	if (value == 512 || value == 4096)
		*size = value;
}

/* Take the value of an item if it is plausible. */
static void take_value(struct vhdx_params *params, const guid_t *id,
		       const void *value)
{
	static const guid_t file = VHDX_GUID_FILE_PARAMETERS;
	static const guid_t size = VHDX_GUID_VIRTUAL_DISK_SIZE;
	static const guid_t logical = VHDX_GUID_LOGICAL_SECTOR_SIZE;
	static const guid_t physical = VHDX_GUID_PHYSICAL_SECTOR_SIZE;

	if (guid_equal(id, &file))
		take_parameters(params, value);
	else if (guid_equal(id, &size))
		params->size = le64_to_cpu(*(const __le64 *)value);
	else if (guid_equal(id, &logical))
		take_sector_size(&params->logical_sector,
				 *(const __le32 *)value);
	else if (guid_equal(id, &physical))
		take_sector_size(&params->physical_sector,
				 *(const __le32 *)value);
}

/* Take the valid items of a table that is damaged in parts. */
static void read_lenient(struct vhdx_salvage *salvage,
			 const struct vhdx_disk_metadata_table *table)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	struct vhdx_layout *layout = &salvage->layout;
	__le64 value;
	u32 i;

	for (i = 0; i < VHDX_TABLE_ENTRIES_MAX; i++) {
		const struct vhdx_disk_metadata_entry *entry =
			&table->entry[i];
		u32 offset = le32_to_cpu(entry->offset);
		u32 length = le32_to_cpu(entry->length);
		u64 pos = layout->metadata_offset + offset;

		if (offset < VHDX_TABLE_SIZE || !length ||
		    length > VHDX_ITEM_SIZE_MAX)
			continue;
		if (guid_equal(&entry->item_id, &id)) {
			take_locator(salvage, pos, length);
			continue;
		}
		value = 0;
		if (length <= sizeof(value) &&
		    !read_item(salvage, pos, &value, length))
			take_value(&layout->params, &entry->item_id, &value);
	}
}

static void tell_metadata(struct vhdx_salvage *salvage)
{
	const struct vhdx_layout *layout = &salvage->layout;
	const struct vhdx_params *params = &layout->params;

	bool parent = params->has_parent && salvage->fork.locator;

	if (!params->size && !params->block_size && !params->logical_sector)
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("metadata region", layout->metadata_offset),
			  "is lost");
	else
		vhdx_find(salvage->report, VHDX_WARN,
			  VHDX_AT("metadata table", layout->metadata_offset),
			  "is damaged; what is used of it:%s%s%s%s",
			  params->size ? " the size of the disk" : "",
			  params->block_size ? " the block size" : "",
			  params->logical_sector ? " the sector size" : "",
			  parent ? " the parent" : "");
}

static int read_metadata(struct vhdx_salvage *salvage)
{
	struct vhdx_layout *layout = &salvage->layout;
	u8 *table = kvzalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	bool readable, sound = false;

	if (!table)
		return -ENOMEM;
	readable = layout->metadata_offset &&
		   !vhdx_store_read(&salvage->mend.store,
				    layout->metadata_offset, table,
				    VHDX_TABLE_SIZE);
	if (readable)
		sound = read_sound(salvage, table);
	salvage->known += sound;
	salvage->metadata_bad = !sound;
	if (!sound) {
		layout->params = (struct vhdx_params){};
		if (readable)
			read_lenient(salvage, (void *)table);
		tell_metadata(salvage);
	}
	kvfree(table);
	return 0;
}

/* Hints of the user override what the image says. */
static void take_hints(struct vhdx_salvage *salvage)
{
	const struct vhdx_salvage_hints *hints = &salvage->hints;
	struct vhdx_params *params = &salvage->layout.params;

	if (hints->size)
		params->size = hints->size;
	if (hints->block_size)
		params->block_size = hints->block_size;
	if (hints->logical_sector)
		params->logical_sector = hints->logical_sector;
	salvage->metadata_bad |= hints->size || hints->block_size ||
				 hints->logical_sector;
}

/* A child whose parent has no name is still a child. */
static int make_locator(struct vhdx_salvage *salvage)
{
	char nowhere[] = "lost";
	struct vhdx_locator locator = { .relative_path = nowhere };
	u32 length;
	void *item;
	int r;

	if (!salvage->layout.params.has_parent || salvage->fork.locator)
		return 0;
	item = kvzalloc(VHDX_LOCATOR_SIZE_MAX, GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	guid_gen(&locator.linkage);
	r = vhdx_locator_encode(&locator, item, &length, salvage->report);
	salvage->fork.locator = item;
	salvage->fork.locator_length = length;
	salvage->metadata_bad = true;
	vhdx_find(salvage->report, VHDX_WARN,
		  VHDX_AT("parent locator", salvage->layout.metadata_offset),
		  "is lost: give the parent by --parent and --ignore-id-mismatch, or --no-parents");
	return r;
}

static bool knows_geometry(const struct vhdx_params *params)
{
	return params->size && params->block_size && params->logical_sector;
}

static int check_geometry(struct vhdx_salvage *salvage)
{
	struct vhdx_params *params = &salvage->layout.params;
	struct vhdx_create create;
	const void *member;
	const char *fault;

	if (!params->physical_sector)
		params->physical_sector = VHDX_CREATE_PHYSICAL_SECTOR;
	create = (struct vhdx_create){
		.size = params->size,
		.block_size = params->block_size,
		.logical_sector = params->logical_sector,
		.physical_sector = params->physical_sector,
		.log_length = VHDX_CREATE_LOG_LENGTH,
	};
	fault = vhdx_layout_fault(&create, &member);
	if (!fault)
		return 0;
	return vhdx_refuse(salvage->report, -EUCLEAN,
			   VHDX_AT("metadata table",
				   salvage->layout.metadata_offset),
			   "a disk of %llu bytes in blocks of %u and sectors of %u is impossible: %s",
			   params->size, params->block_size,
			   params->logical_sector, fault);
}

static int find_bat(struct vhdx_salvage *salvage)
{
	struct vhdx_layout *layout = &salvage->layout;
	int r;

	if (layout->bat.offset)
		return 0;
	if (knows_geometry(&layout->params) && !check_geometry(salvage))
		vhdx_bat_init(&layout->bat, &layout->params, 0);
	r = vhdx_find_bat(salvage);
	if (r || layout->bat.offset)
		return r;
	if (!salvage->known)
		return vhdx_refuse(salvage->report, -EMEDIUMTYPE,
				   VHDX_AT("file", 0),
				   "nothing in it is that of a VHDX image");
	return vhdx_refuse(salvage->report, -EUCLEAN,
			   VHDX_AT("BAT region", 0),
			   "is lost: nothing tells where the blocks of the disk lie");
}

/*
 * Made-up metadata goes to the place of the old metadata or, if that is not
 * known, behind everything else. So does a BAT that is longer than its region.
 */
static void place(struct vhdx_salvage *salvage)
{
	struct vhdx_layout *layout = &salvage->layout;
	u64 needed;

	vhdx_bat_init(&layout->bat, &layout->params, layout->bat.offset);
	needed = ALIGN(layout->bat.entries * sizeof(__le64), VHDX_ALIGN);
	if (needed > layout->bat_length) {
		layout->bat_length = needed;
		salvage->tables_bad = true;
	}
	layout->fork = layout->params.has_parent ? &salvage->fork : NULL;
	layout->metadata_used = VHDX_TABLE_SIZE + VHDX_PAGE;
	if (layout->fork)
		layout->metadata_used += ALIGN(layout->fork->locator_length,
					       VHDX_PAGE);
	if (!salvage->metadata_bad)
		return;
	if (guid_is_null(&layout->params.disk_id))
		guid_gen(&layout->params.disk_id);
	layout->metadata_offset =
		ALIGN(max(salvage->mend.store.size,
			  layout->bat.offset + layout->bat_length),
		      VHDX_ALIGN);
	layout->metadata_length = ALIGN(layout->metadata_used, VHDX_ALIGN);
	salvage->tables_bad = true;
}

/**
 * vhdx_salvage_disk() - read or make up the properties of the disk
 * @salvage: the damaged image; places of BAT and metadata that are 0 are
 *	searched for
 *
 * Context: may sleep.
 * Return: as vhdx_salvage_begin().
 */
int vhdx_salvage_disk(struct vhdx_salvage *salvage)
{
	struct vhdx_params *params = &salvage->layout.params;
	int r = 0;

	if (!salvage->layout.metadata_offset)
		r = vhdx_find_metadata(salvage);
	if (!r)
		r = read_metadata(salvage);
	if (r)
		return r;
	take_hints(salvage);
	r = find_bat(salvage);
	if (!r && !knows_geometry(params))
		r = vhdx_guess_geometry(salvage);
	if (!r)
		r = make_locator(salvage);
	if (!r)
		r = check_geometry(salvage);
	if (!r)
		place(salvage);
	return r;
}
