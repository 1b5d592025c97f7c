// SPDX-License-Identifier: GPL-2.0-only
#include "metadata.h"

static struct vhdx_place entry_place(u64 base, u32 index)
{
	u64 pos = base + offsetof(struct vhdx_disk_metadata_table, entry) +
		  index * sizeof(struct vhdx_disk_metadata_entry);

	return VHDX_AT_INDEX("metadata table entry", index, pos);
}

static bool is_user(const struct vhdx_item *item)
{
	return item->flags & VHDX_ITEM_IS_USER;
}

/* A reader must refuse a required item that it does not know. */
static bool is_known(const guid_t *id)
{
	static const guid_t known[] = {
		VHDX_GUID_FILE_PARAMETERS,	VHDX_GUID_VIRTUAL_DISK_SIZE,
		VHDX_GUID_VIRTUAL_DISK_ID,	VHDX_GUID_LOGICAL_SECTOR_SIZE,
		VHDX_GUID_PHYSICAL_SECTOR_SIZE, VHDX_GUID_PARENT_LOCATOR,
		VHDX_GUID_CHS_PARAMETERS,	VHDX_GUID_PMEM_LABELS,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (guid_equal(id, &known[i]))
			return true;
	return false;
}

static int check_required(const struct vhdx_item *item, struct vhdx_place at,
			  struct vhdx_report *report)
{
	static const guid_t incomplete = VHDX_GUID_INCOMPLETE_FILE;
	char id[VHDX_GUID_TEXT_SIZE];

	if (!(item->flags & VHDX_ITEM_IS_REQUIRED))
		return 0;
	if (!is_user(item) && guid_equal(&item->id, &incomplete))
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "the image carries the mark of one that was never completely made; make it again");
	if (is_user(item) || !is_known(&item->id))
		return vhdx_refuse(report, -EOPNOTSUPP, at,
				   "item %s is required and not known",
				   vhdx_guid_text(&item->id, id));
	return 0;
}

static int check_item_place(const struct vhdx_item *item, u64 region_length,
			    struct vhdx_place at, struct vhdx_report *report)
{
	if (!item->length) {
		if (item->offset)
			return vhdx_refuse(report, -EUCLEAN, at,
					   "an empty item has offset 0x%x, should be 0",
					   item->offset);
		return 0;
	}
	if (item->length > VHDX_ITEM_SIZE_MAX)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "item length %u is above the limit of 1 MiB",
				   item->length);
	if (item->offset < VHDX_TABLE_SIZE ||
	    (u64)item->offset + item->length > region_length)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the item at 0x%x, %u bytes long, lies outside the metadata region's items (0x%x to 0x%llx)",
				   item->offset, item->length, VHDX_TABLE_SIZE,
				   region_length);
	return 0;
}

static int decode_entry(const struct vhdx_disk_metadata_entry *disk,
			struct vhdx_metadata *metadata, u32 index,
			struct vhdx_report *report)
{
	struct vhdx_place at = entry_place(metadata->base, index);
	struct vhdx_item *item = &metadata->items[index];
	int r;

	item->id = disk->item_id;
	item->offset = le32_to_cpu(disk->offset);
	item->length = le32_to_cpu(disk->length);
	item->flags = le32_to_cpu(disk->flags);
	item->index = index;
	if (item->flags & ~VHDX_ITEM_FLAGS)
		vhdx_find(report, VHDX_WARN, at, "reserved bits are set: 0x%x",
			  item->flags & ~VHDX_ITEM_FLAGS);
	r = check_item_place(item, metadata->length, at, report);
	return r ? r : check_required(item, at, report);
}

static int compare_id(const void *a, const void *b)
{
	const struct vhdx_item *x = a, *y = b;
	int order = memcmp(&x->id, &y->id, sizeof(x->id));

	return order ? order : (int)is_user(x) - (int)is_user(y);
}

static int compare_offset(const void *a, const void *b)
{
	const struct vhdx_item *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int check_unique(struct vhdx_metadata *metadata,
			struct vhdx_report *report)
{
	struct vhdx_item *items = metadata->items;
	char id[VHDX_GUID_TEXT_SIZE];
	u32 i;

	sort(items, metadata->count, sizeof(*items), compare_id, NULL);
	for (i = 1; i < metadata->count; i++)
		if (!compare_id(&items[i - 1], &items[i]))
			return vhdx_refuse(report, -EUCLEAN,
					   entry_place(metadata->base,
						       max(items[i - 1].index,
							   items[i].index)),
					   "item %s is listed twice",
					   vhdx_guid_text(&items[i].id, id));
	return 0;
}

static int check_overlap(struct vhdx_metadata *metadata,
			 struct vhdx_report *report)
{
	struct vhdx_item *items = metadata->items;
	u32 i;

	sort(items, metadata->count, sizeof(*items), compare_offset, NULL);
	for (i = 1; i < metadata->count; i++)
		if (items[i].length &&
		    items[i - 1].offset + items[i - 1].length > items[i].offset)
			return vhdx_refuse(report, -EUCLEAN,
					   entry_place(metadata->base, items[i].index),
					   "the item at 0x%x overlaps the one at 0x%x",
					   items[i].offset,
					   items[i - 1].offset);
	return 0;
}

static int check_user_count(const struct vhdx_metadata *metadata,
			    struct vhdx_report *report)
{
	u32 users = 0;
	u32 i;

	for (i = 0; i < metadata->count; i++)
		users += is_user(&metadata->items[i]);
	if (users > VHDX_USER_ITEMS_MAX)
		return vhdx_refuse(report, -EUCLEAN,
				   VHDX_AT("metadata table", metadata->base),
				   "%u user items, the limit is %u", users,
				   VHDX_USER_ITEMS_MAX);
	return 0;
}

static int check_table(const struct vhdx_disk_metadata_table *disk, u64 base,
		       struct vhdx_report *report)
{
	struct vhdx_place at = VHDX_AT("metadata table", base);
	u32 count = le16_to_cpu(disk->entry_count);

	if (le64_to_cpu(disk->signature) != VHDX_METADATA_SIGNATURE)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "the signature \"metadata\" is missing");
	if (count > VHDX_TABLE_ENTRIES_MAX)
		return vhdx_refuse(report, -EUCLEAN, at,
				   "has %u entries, the limit is %u", count,
				   VHDX_TABLE_ENTRIES_MAX);
	return 0;
}

/**
 * vhdx_metadata_decode() - check the table and list its items
 * @table: its VHDX_TABLE_SIZE bytes
 * @base: byte offset of the metadata region in the file
 * @length: bytes in the region
 * @metadata: where the items go; vhdx_metadata_free() in any case
 * @report: where findings go
 *
 * Context: may sleep.
 * Return: 0, -EUCLEAN, -EOPNOTSUPP for a required item that is not known, or
 * -ENOMEM.
 * Source: [MS-VHDX] 2.6.1.
 */
int vhdx_metadata_decode(const void *table, u64 base, u64 length,
			 struct vhdx_metadata *metadata,
			 struct vhdx_report *report)
{
	const struct vhdx_disk_metadata_table *disk = table;
	u32 i;
	int r;

	r = check_table(disk, base, report);
	if (r)
		return r;
	metadata->base = base;
	metadata->length = length;
	metadata->count = le16_to_cpu(disk->entry_count);
	metadata->items = kvcalloc(metadata->count + 1,
				   sizeof(*metadata->items), GFP_KERNEL);
	if (!metadata->items)
		return -ENOMEM;
	for (i = 0; i < metadata->count && !r; i++)
		r = decode_entry(&disk->entry[i], metadata, i, report);
	if (!r)
		r = check_user_count(metadata, report);
	if (!r)
		r = check_unique(metadata, report);
	if (!r)
		r = check_overlap(metadata, report);
	return r;
}

/**
 * vhdx_metadata_find() - one system item by its GUID
 * @metadata: the table
 * @id: which
 *
 * Return: the item, or NULL.
 */
const struct vhdx_item *vhdx_metadata_find(const struct vhdx_metadata *metadata,
					   const guid_t *id)
{
	u32 i;

	for (i = 0; i < metadata->count; i++)
		if (guid_equal(&metadata->items[i].id, id) &&
		    !is_user(&metadata->items[i]))
			return &metadata->items[i];
	return NULL;
}

/* What the five mandatory items are read with. */
struct item_reader {
	const struct vhdx_metadata *metadata;
	vhdx_item_read_t read;
	void *context;
	struct vhdx_report *report;
	struct vhdx_place at; /* of the item that was read last */
};

static int read_item(struct item_reader *reader, const char *name,
		     const guid_t *id, void *buf, u32 length)
{
	const struct vhdx_metadata *metadata = reader->metadata;
	const struct vhdx_item *item = vhdx_metadata_find(metadata, id);
	int r;

	reader->at = VHDX_AT(name, metadata->base);
	if (!item)
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "the item is missing from the metadata table");
	reader->at.offset += item->offset;
	if (item->length != length)
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "the item is %u bytes long, should be %u",
				   item->length, length);
	r = reader->read(reader->context, reader->at.offset, buf, length);
	if (r)
		vhdx_refuse(reader->report, r, reader->at,
			    "cannot be read: %s (%d)", vhdx_errno_words(r), -r);
	return r;
}

static int read_file_parameters(struct item_reader *reader,
				struct vhdx_params *params)
{
	static const guid_t id = VHDX_GUID_FILE_PARAMETERS;
	struct vhdx_disk_file_parameters disk;
	u32 flags;
	int r;

	r = read_item(reader, "file parameters", &id, &disk, sizeof(disk));
	if (r)
		return r;
	flags = le32_to_cpu(disk.flags);
	params->block_size = le32_to_cpu(disk.block_size);
	params->has_parent = flags & VHDX_PARAM_HAS_PARENT;
	/* Means nothing where there is a parent ([MS-VHDX] 2.6.2.1). */
	params->leave_allocated = !params->has_parent &&
				  (flags & VHDX_PARAM_LEAVE_ALLOCATED);
	if (flags & ~VHDX_PARAM_FLAGS)
		vhdx_find(reader->report, VHDX_WARN, reader->at,
			  "reserved bits are set: 0x%x",
			  flags & ~VHDX_PARAM_FLAGS);
	if (params->block_size < VHDX_BLOCK_SIZE_MIN ||
	    params->block_size > VHDX_BLOCK_SIZE_MAX ||
	    !is_power_of_2(params->block_size))
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "block size %u is no power of two from 1 MiB to 256 MiB",
				   params->block_size);
	return 0;
}

static int read_sector_size(struct item_reader *reader, const char *name,
			    const guid_t *id, u32 *size)
{
	__le32 disk;
	int r;

	r = read_item(reader, name, id, &disk, sizeof(disk));
	if (r)
		return r;
	*size = le32_to_cpu(disk);
	if (!vhdx_is_sector_size(*size))
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "sector size %u is neither 512 nor 4096",
				   *size);
	return 0;
}

static int read_disk_size(struct item_reader *reader,
			  struct vhdx_params *params)
{
	static const guid_t id = VHDX_GUID_VIRTUAL_DISK_SIZE;
	__le64 disk;
	int r;

	r = read_item(reader, "virtual disk size", &id, &disk, sizeof(disk));
	if (r)
		return r;
	params->size = le64_to_cpu(disk);
	if (!params->size || params->size > VHDX_DISK_SIZE_MAX)
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "virtual size %llu is not from 1 byte to 64 TiB",
				   params->size);
	if (!IS_ALIGNED(params->size, params->logical_sector))
		return vhdx_refuse(reader->report, -EUCLEAN, reader->at,
				   "virtual size %llu is no multiple of the logical sector size %u",
				   params->size, params->logical_sector);
	return 0;
}

/**
 * vhdx_metadata_params() - read and check the five items of every image
 * @metadata: the table
 * @read: reads an item's bytes
 * @context: for @read
 * @params: where they go
 * @report: where findings go
 *
 * Context: may sleep.
 * Return: 0, -EUCLEAN, or an errno of @read.
 * Source: [MS-VHDX] 2.6.2.1 to 2.6.2.5.
 */
int vhdx_metadata_params(const struct vhdx_metadata *metadata,
			 vhdx_item_read_t read, void *context,
			 struct vhdx_params *params, struct vhdx_report *report)
{
	static const guid_t logical = VHDX_GUID_LOGICAL_SECTOR_SIZE;
	static const guid_t physical = VHDX_GUID_PHYSICAL_SECTOR_SIZE;
	static const guid_t disk_id = VHDX_GUID_VIRTUAL_DISK_ID;
	struct item_reader reader = {
		.metadata = metadata,
		.read = read,
		.context = context,
		.report = report,
	};
	int r;

	r = read_file_parameters(&reader, params);
	if (!r)
		r = read_sector_size(&reader, "logical sector size", &logical,
				     &params->logical_sector);
	if (!r)
		r = read_sector_size(&reader, "physical sector size", &physical,
				     &params->physical_sector);
	if (!r)
		r = read_disk_size(&reader, params);
	if (!r)
		r = read_item(&reader, "virtual disk id", &disk_id,
			      &params->disk_id, sizeof(params->disk_id));
	return r;
}

/**
 * vhdx_metadata_free() - forget the table
 * @metadata: as vhdx_metadata_decode() left it, or zeroed
 */
void vhdx_metadata_free(struct vhdx_metadata *metadata)
{
	kvfree(metadata->items);
	memset(metadata, 0, sizeof(*metadata));
}
