// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>

#include "file-facts.h"
#include "info-tree.h"

static struct json_object *header_tree(const struct vhdx_headers *headers,
				       unsigned int slot)
{
	const struct vhdx_header *header = &headers->copy[slot];
	struct json_object *object = tree_new();

	tree_number(object, "number", slot + 1);
	tree_number(object, "offset", VHDX_HEADER_OFFSET(slot));
	tree_flag(object, "valid", headers->valid[slot]);
	tree_flag(object, "current", headers->current_slot == slot);
	if (!headers->valid[slot])
		return object;
	tree_number(object, "sequence_number", header->sequence);
	tree_guid(object, "file_write_guid", &header->file_write_guid);
	tree_guid(object, "data_write_guid", &header->data_write_guid);
	tree_guid(object, "log_guid", &header->log_guid);
	tree_number(object, "log_version", header->log_version);
	tree_number(object, "version", header->version);
	tree_number(object, "log_offset", header->log_offset);
	tree_number(object, "log_length", header->log_length);
	return object;
}

static struct json_object *headers_tree(const struct vhdx_headers *headers)
{
	struct json_object *list = tree_list();
	unsigned int slot;

	for (slot = 0; slot < 2; slot++)
		tree_append(list, header_tree(headers, slot));
	return list;
}

static struct json_object *log_tree(const struct vhdx_image *image)
{
	const struct vhdx_log *log = &image->log;
	const struct vhdx_log_entry *head;
	struct json_object *object = tree_new();

	tree_text(object, "state", log->count ? "dirty" : "clean");
	if (!log->count)
		return object;
	head = vhdx_log_head(log);
	tree_number(object, "valid_entries", log->valid);
	tree_number(object, "entries_to_replay", log->count);
	tree_number(object, "changed_ranges", image->replay.count);
	tree_number(object, "first_sequence_number", log->entries[0].sequence);
	tree_number(object, "last_sequence_number", head->sequence);
	tree_number(object, "flushed_file_offset", head->flushed_file_offset);
	tree_number(object, "last_file_offset", head->last_file_offset);
	return object;
}

static struct json_object *regions_tree(const struct vhdx_regions *regions)
{
	struct json_object *list = tree_list();
	u32 i;

	for (i = 0; i < regions->count; i++) {
		const struct vhdx_region *region = &regions->all[i];
		struct json_object *object = tree_new();

		tree_text(object, "name", region->name);
		tree_number(object, "offset", region->offset);
		tree_number(object, "length", region->length);
		if (!guid_is_null(&region->guid)) {
			tree_guid(object, "guid", &region->guid);
			tree_flag(object, "required", region->required);
		}
		tree_append(list, object);
	}
	return list;
}

static const char *item_name(const guid_t *id)
{
	static const struct {
		guid_t id;
		const char *name;
	} names[] = {
		{ VHDX_GUID_FILE_PARAMETERS, "File Parameters" },
		{ VHDX_GUID_VIRTUAL_DISK_SIZE, "Virtual Disk Size" },
		{ VHDX_GUID_VIRTUAL_DISK_ID, "Virtual Disk ID" },
		{ VHDX_GUID_LOGICAL_SECTOR_SIZE, "Logical Sector Size" },
		{ VHDX_GUID_PHYSICAL_SECTOR_SIZE, "Physical Sector Size" },
		{ VHDX_GUID_PARENT_LOCATOR, "Parent Locator" },
		{ VHDX_GUID_CHS_PARAMETERS, "CHS parameters" },
		{ VHDX_GUID_PMEM_LABELS, "PMEM label storage" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (guid_equal(&names[i].id, id))
			return names[i].name;
	return "unknown";
}

static struct json_object *metadata_tree(const struct vhdx_metadata *metadata)
{
	struct json_object *list = tree_list();
	u32 i;

	for (i = 0; i < metadata->count; i++) {
		const struct vhdx_item *item = &metadata->items[i];
		struct json_object *object = tree_new();

		tree_text(object, "name", item->flags & VHDX_ITEM_IS_USER ?
			  "user item" : item_name(&item->id));
		tree_guid(object, "item_id", &item->id);
		tree_number(object, "offset", item->length ?
			    metadata->base + item->offset : 0);
		tree_number(object, "length", item->length);
		tree_flag(object, "virtual_disk",
			  item->flags & VHDX_ITEM_IS_VIRTUAL_DISK);
		tree_flag(object, "required",
			  item->flags & VHDX_ITEM_IS_REQUIRED);
		tree_append(list, object);
	}
	return list;
}

/**
 * info_type() - name the type of an image, in the specification's word
 * @params: parameters of the image
 *
 * Return: a constant.
 */
const char *info_type(const struct vhdx_params *params)
{
	if (params->has_parent)
		return "differencing";
	return params->leave_allocated ? "fixed" : "dynamic";
}

/**
 * info_disk() - describe the disk in an image
 * @params: parameters of the image
 *
 * Return: the tree, for tree_free().
 */
struct json_object *info_disk(const struct vhdx_params *params)
{
	struct json_object *object = tree_new();

	tree_text(object, "type", info_type(params));
	tree_number(object, "virtual_size", params->size);
	tree_number(object, "block_size", params->block_size);
	tree_number(object, "logical_sector_size", params->logical_sector);
	tree_number(object, "physical_sector_size", params->physical_sector);
	tree_guid(object, "virtual_disk_id", &params->disk_id);
	return object;
}

static struct json_object *disk_tree(const struct vhdx_image *image)
{
	struct json_object *object = info_disk(&image->params);
	const struct vhdx_bat *bat = &image->bat;

	tree_number(object, "payload_blocks", bat->blocks);
	tree_number(object, "sector_bitmap_blocks", bat->chunks);
	tree_number(object, "chunk_ratio", 1ULL << bat->ratio_shift);
	tree_number(object, "bat_entries", bat->entries);
	return object;
}

static struct json_object *parent_tree(const struct vhdx_locator *locator)
{
	struct json_object *object = tree_new();

	tree_guid(object, "parent_linkage", &locator->linkage);
	if (!guid_is_null(&locator->linkage2))
		tree_guid(object, "parent_linkage2", &locator->linkage2);
	tree_text(object, "relative_path", locator->relative_path);
	tree_text(object, "volume_path", locator->volume_path);
	tree_text(object, "absolute_win32_path", locator->absolute_path);
	return object;
}

/*
 * The creator is unchecked UTF-16 and only tells writers apart, so replace each
 * character that is not plain ASCII by a question mark.
 */
static void add_creator(struct json_object *object, struct vhdx_store *store)
{
	struct vhdx_disk_file_id *id = calloc(1, VHDX_PAGE);
	char creator[ARRAY_SIZE(id->creator) + 1];
	size_t i;
	u16 c;

	if (!id || vhdx_store_read(store, VHDX_FILE_ID_OFFSET, id, VHDX_PAGE))
		goto out;
	for (i = 0; i < ARRAY_SIZE(id->creator); i++) {
		c = le16_to_cpu(id->creator[i]);
		if (!c)
			break;
		creator[i] = c < 0x80 && isprint(c) ? (char)c : '?';
	}
	creator[i] = '\0';
	tree_text(object, "creator", creator);
out:
	free(id);
}

/* The space that the file takes, and whether Windows would attach it. */
static void add_file(struct json_object *object, const struct layer *layer)
{
	struct json_object *windows;
	struct file_facts facts;
	const char *refusal;

	if (layer->file.device || file_facts(&layer->file, &facts))
		return;
	refusal = file_facts_refusal(&facts);
	windows = tree_new();
	tree_flag(windows, "attaches", !refusal);
	tree_text(windows, "the_file", refusal);
	tree_number(object, "disk_usage_bytes", facts.usage);
	tree_number(object, "hole_bytes", facts.holes);
	tree_add(object, "windows", windows);
}

/* The same, with a line for each. */
static void add_file_brief(struct json_object *object,
			   const struct layer *layer)
{
	struct file_facts facts;
	const char *refusal;
	char text[80];

	if (layer->file.device || file_facts(&layer->file, &facts))
		return;
	refusal = file_facts_refusal(&facts);
	snprintf(text, sizeof(text), refusal ?
		 "would not attach it: the file %s" : "would attach it",
		 refusal);
	tree_number(object, "disk_usage_bytes", facts.usage);
	tree_number(object, "hole_bytes", facts.holes);
	tree_text(object, "windows", text);
}

/**
 * info_brief() - describe an image in short
 * @layer: the open image
 *
 * Return: the tree, for tree_free(); it has one level, so each member is a
 * line.
 */
struct json_object *info_brief(struct layer *layer)
{
	const struct vhdx_image *image = layer->image;
	const struct vhdx_params *params = &image->params;
	struct json_object *object = tree_new();
	char text[64];

	tree_text(object, "image", layer->path);
	add_creator(object, image->store);
	tree_text(object, "type", info_type(params));
	tree_number(object, "virtual_size", params->size);
	tree_number(object, "block_size", params->block_size);
	snprintf(text, sizeof(text), "%u bytes, %u physical",
		 params->logical_sector, params->physical_sector);
	tree_text(object, "sectors", text);
	snprintf(text, sizeof(text), "dirty: %u changes are not in place yet",
		 image->replay.count);
	tree_text(object, "log", image->log.count ? text : "clean");
	tree_number(object, "file_size", image->store->size);
	add_file_brief(object, layer);
	return object;
}

/**
 * info_image() - describe an image in full
 * @layer: the open image
 *
 * Return: the tree, for tree_free().
 */
struct json_object *info_image(struct layer *layer)
{
	const struct vhdx_image *image = layer->image;
	struct json_object *object = tree_new();

	tree_text(object, "image", layer->path);
	add_creator(object, image->store);
	tree_number(object, "file_size", image->store->size);
	tree_number(object, "file_size_after_replay", image->limits.file_size);
	add_file(object, layer);
	tree_add(object, "disk", disk_tree(image));
	tree_add(object, "headers", headers_tree(&image->headers));
	tree_add(object, "log", log_tree(image));
	tree_number(object, "region_table_offset",
		    VHDX_REGION_TABLE_OFFSET(image->region_copy));
	tree_add(object, "regions", regions_tree(&image->regions));
	tree_add(object, "metadata_items", metadata_tree(&image->metadata));
	if (image->locator)
		tree_add(object, "parent", parent_tree(image->locator));
	return object;
}

/**
 * info_blocks() - convert a census to a tree
 * @census: from vhdx_check_blocks()
 *
 * Return: the tree, for tree_free().
 */
struct json_object *info_blocks(const struct vhdx_census *census)
{
	struct json_object *object = tree_new();

	tree_number(object, "not_present",
		    census->payload[VHDX_BLOCK_NOT_PRESENT]);
	tree_number(object, "undefined", census->payload[VHDX_BLOCK_UNDEFINED]);
	tree_number(object, "zero", census->payload[VHDX_BLOCK_ZERO]);
	tree_number(object, "unmapped", census->payload[VHDX_BLOCK_UNMAPPED]);
	tree_number(object, "fully_present",
		    census->payload[VHDX_BLOCK_FULLY_PRESENT]);
	tree_number(object, "partially_present",
		    census->payload[VHDX_BLOCK_PARTIALLY_PRESENT]);
	tree_number(object, "reserved_states",
		    census->payload[4] + census->payload[5]);
	tree_number(object, "sector_bitmaps", census->bitmaps);
	tree_number(object, "faulty", census->faulty);
	tree_number(object, "overlapping", census->overlaps);
	tree_number(object, "allocated_bytes", census->allocated);
	return object;
}

/* Describe an image of a chain in short. */
static struct json_object *layer_tree(const struct layer *layer)
{
	const struct vhdx_params *params = &layer->image->params;
	struct json_object *object = tree_new();

	tree_text(object, "image", layer->path);
	tree_text(object, "type", info_type(params));
	tree_number(object, "virtual_size", params->size);
	tree_number(object, "block_size", params->block_size);
	tree_guid(object, "data_write_guid",
		  vhdx_image_identity(layer->image));
	tree_text(object, "log_state",
		  layer->image->log.count ? "dirty" : "clean");
	return object;
}

/**
 * info_chain() - describe the images of a disk in short, the child first
 * @disk: the open disk
 *
 * Return: a list, for a tree that it is put into.
 */
struct json_object *info_chain(const struct disk *disk)
{
	struct json_object *list = tree_list();
	u32 i;

	for (i = 0; i < disk->depth; i++)
		tree_append(list, layer_tree(disk->layer[i]));
	return list;
}
