// SPDX-License-Identifier: GPL-2.0-only
#include "header.h"
#include "layout.h"

static const char *log_fault(u32 length)
{
	if (!length || !IS_ALIGNED(length, VHDX_ALIGN))
		return "the size of the log must be a multiple of 1 MiB above 0";
	if (length > VHDX_LOG_LENGTH_MAX)
		return "the log can have 1 GiB at the most";
	return NULL;
}

static const char *fork_fault(const struct vhdx_create *create,
			      const void **member)
{
	if (!create->fork)
		return NULL;
	*member = &create->fixed;
	if (create->fixed)
		return "a child cannot be a fixed disk";
	*member = &create->allocated;
	if (create->allocated)
		return "the blocks of a child get their space when they are written";
	*member = &create->logical_sector;
	if (create->logical_sector != create->fork->params.logical_sector)
		return "a child has the logical sector size of its parent";
	return NULL;
}

/**
 * vhdx_layout_usual() - fill in what an image has unless somebody says otherwise
 * @create: the properties; of the numbers, those that are 0 are set, but the size of
 *	an image without a parent
 *
 * A child has the size and the sectors of its parent.
 *
 * Context: any.
 */
void vhdx_layout_usual(struct vhdx_create *create)
{
	const struct vhdx_params usual = {
		.logical_sector = VHDX_CREATE_LOGICAL_SECTOR,
		.physical_sector = VHDX_CREATE_PHYSICAL_SECTOR,
	};
	const struct vhdx_params *from = create->fork ?
						 &create->fork->params : &usual;

	if (!create->size)
		create->size = from->size;
	if (!create->block_size)
		create->block_size = create->allocated || create->fixed ?
					     VHDX_CREATE_BLOCK_SIZE_FULL :
					     VHDX_CREATE_BLOCK_SIZE;
	if (!create->logical_sector)
		create->logical_sector = from->logical_sector;
	if (!create->physical_sector)
		create->physical_sector = from->physical_sector;
	if (!create->log_length)
		create->log_length = VHDX_CREATE_LOG_LENGTH;
}

/**
 * vhdx_size_fault() - find out why a disk cannot have a size
 * @size: bytes
 * @logical_sector: bytes of its logical sectors
 *
 * Context: any.
 * Return: NULL if it can, or the reason in words.
 * Source: [MS-VHDX] 2.6.2.2.
 */
const char *vhdx_size_fault(u64 size, u32 logical_sector)
{
	if (!size || size > VHDX_DISK_SIZE_MAX)
		return "the size must be above 0, and 64 TiB at the most";
	if (!IS_ALIGNED(size, logical_sector))
		return "the size must be a multiple of the logical sector size";
	return NULL;
}

/**
 * vhdx_layout_fault() - find out why an image cannot have its properties
 * @create: the properties
 * @member: set to the member of @create that is at fault
 *
 * Context: any.
 * Return: NULL if it can, or the reason in words.
 * Source: [MS-VHDX] 2.6.2; for the log, the limits of format.h.
 */
const char *vhdx_layout_fault(const struct vhdx_create *create,
			      const void **member)
{
	const char *fault;

	*member = &create->block_size;
	if (create->block_size < VHDX_BLOCK_SIZE_MIN ||
	    create->block_size > VHDX_BLOCK_SIZE_MAX ||
	    !is_power_of_2(create->block_size))
		return "the block size must be a power of two from 1 MiB to 256 MiB";
	*member = &create->logical_sector;
	if (!vhdx_is_sector_size(create->logical_sector))
		return "the logical sector size must be 512 or 4096 bytes";
	*member = &create->physical_sector;
	if (!vhdx_is_sector_size(create->physical_sector))
		return "the physical sector size must be 512 or 4096 bytes";
	*member = &create->size;
	fault = vhdx_size_fault(create->size, create->logical_sector);
	if (fault)
		return fault;
	*member = &create->log_length;
	fault = log_fault(create->log_length);
	return fault ? fault : fork_fault(create, member);
}

/* The table, a page for the five items of every image, and a child's items. */
static u32 metadata_used(const struct vhdx_fork *fork)
{
	u32 length = VHDX_TABLE_SIZE + VHDX_PAGE;

	if (fork)
		length += ALIGN(fork->locator_length + fork->values_length,
				VHDX_PAGE);
	return length;
}

/**
 * vhdx_layout_init() - place the parts of a new image
 * @layout: filled in; the disk gets a random identity, or its parent's
 * @create: the properties; vhdx_layout_fault() has found no fault
 *
 * The last block has its full space, even if the disk ends inside it.
 *
 * Context: any.
 */
void vhdx_layout_init(struct vhdx_layout *layout,
		      const struct vhdx_create *create)
{
	const struct vhdx_fork *fork = create->fork;
	struct vhdx_bat *bat = &layout->bat;

	*layout = (struct vhdx_layout){
		.params = {
			.size = create->size,
			.block_size = create->block_size,
			.logical_sector = create->logical_sector,
			.physical_sector = create->physical_sector,
			.leave_allocated = create->fixed,
			.has_parent = fork,
		},
		.fork = fork,
		.allocated = create->allocated || create->fixed,
		.log_offset = VHDX_HEADER_SECTION,
		.log_length = create->log_length,
		.metadata_offset = VHDX_HEADER_SECTION + create->log_length,
		.metadata_used = metadata_used(fork),
	};
	layout->metadata_length = ALIGN(layout->metadata_used, VHDX_ALIGN);
	if (fork)
		layout->params.disk_id = fork->params.disk_id;
	else
		guid_gen(&layout->params.disk_id);
	vhdx_bat_init(bat, &layout->params,
		      layout->metadata_offset + layout->metadata_length);
	layout->bat_length = ALIGN(bat->entries * sizeof(__le64), VHDX_ALIGN);
	layout->blocks_offset = bat->offset + layout->bat_length;
	layout->end = layout->blocks_offset;
	if (layout->allocated)
		layout->end += bat->blocks << bat->block_shift;
}

static void put_region(struct vhdx_disk_region_table *table, u32 index,
		       guid_t guid, u64 offset, u32 length)
{
	table->entry[index] = (struct vhdx_disk_region_entry){
		.guid = guid,
		.file_offset = cpu_to_le64(offset),
		.length = cpu_to_le32(length),
		.flags = cpu_to_le32(VHDX_REGION_REQUIRED),
	};
}

/**
 * vhdx_layout_regions() - make the region table of a new image
 * @layout: the layout of the image
 * @table: VHDX_TABLE_SIZE bytes, all zeros
 *
 * Source: [MS-VHDX] 2.2.3.
 */
void vhdx_layout_regions(const struct vhdx_layout *layout, void *table)
{
	struct vhdx_disk_region_table *disk = table;

	disk->signature = cpu_to_le32(VHDX_REGION_SIGNATURE);
	disk->entry_count = cpu_to_le32(2);
	put_region(disk, 0, VHDX_GUID_BAT, layout->bat.offset,
		   layout->bat_length);
	put_region(disk, 1, VHDX_GUID_METADATA, layout->metadata_offset,
		   layout->metadata_length);
	vhdx_checksum_set(disk, VHDX_TABLE_SIZE);
}

/**
 * struct item_writer - adds items to the metadata of a new image
 * @table: the start of the metadata
 * @end: offset of the next item from @table, in bytes
 */
struct item_writer {
	struct vhdx_disk_metadata_table *table;
	u32 end;
};

static void put_item(struct item_writer *writer, guid_t id, u32 flags,
		     const void *value, u32 length)
{
	struct vhdx_disk_metadata_table *table = writer->table;
	u32 count = le16_to_cpu(table->entry_count);

	table->entry[count] = (struct vhdx_disk_metadata_entry){
		.item_id = id,
		.offset = cpu_to_le32(length ? writer->end : 0),
		.length = cpu_to_le32(length),
		.flags = cpu_to_le32(flags),
	};
	table->entry_count = cpu_to_le16(count + 1);
	memcpy((u8 *)table + writer->end, value, length);
	writer->end += length;
}

static void put_fork(struct item_writer *writer, const struct vhdx_fork *fork)
{
	u32 i;

	put_item(writer, VHDX_GUID_PARENT_LOCATOR, VHDX_ITEM_IS_REQUIRED,
		 fork->locator, fork->locator_length);
	for (i = 0; i < fork->item_count; i++)
		put_item(writer, fork->items[i].id, fork->items[i].flags,
			 fork->values + fork->items[i].offset,
			 fork->items[i].length);
}

static u32 param_flags(const struct vhdx_params *params)
{
	return (params->leave_allocated ? VHDX_PARAM_LEAVE_ALLOCATED : 0) |
	       (params->has_parent ? VHDX_PARAM_HAS_PARENT : 0);
}

/**
 * vhdx_layout_metadata() - make the metadata table and items of a new image
 * @layout: the layout of the image
 * @buf: @metadata_used bytes, all zeros
 *
 * Source: [MS-VHDX] 2.6.
 */
void vhdx_layout_metadata(const struct vhdx_layout *layout, void *buf)
{
	const u32 disk = VHDX_ITEM_IS_VIRTUAL_DISK | VHDX_ITEM_IS_REQUIRED;
	const struct vhdx_params *params = &layout->params;
	struct item_writer writer = { .table = buf, .end = VHDX_TABLE_SIZE };
	struct vhdx_disk_file_parameters file = {
		.block_size = cpu_to_le32(params->block_size),
		.flags = cpu_to_le32(param_flags(params)),
	};
	__le64 size = cpu_to_le64(params->size);
	__le32 logical = cpu_to_le32(params->logical_sector);
	__le32 physical = cpu_to_le32(params->physical_sector);

	writer.table->signature = cpu_to_le64(VHDX_METADATA_SIGNATURE);
	put_item(&writer, VHDX_GUID_FILE_PARAMETERS, VHDX_ITEM_IS_REQUIRED,
		 &file, sizeof(file));
	put_item(&writer, VHDX_GUID_VIRTUAL_DISK_SIZE, disk, &size,
		 sizeof(size));
	put_item(&writer, VHDX_GUID_LOGICAL_SECTOR_SIZE, disk, &logical,
		 sizeof(logical));
	put_item(&writer, VHDX_GUID_PHYSICAL_SECTOR_SIZE, disk, &physical,
		 sizeof(physical));
	put_item(&writer, VHDX_GUID_VIRTUAL_DISK_ID, disk, &params->disk_id,
		 sizeof(params->disk_id));
	if (layout->fork)
		put_fork(&writer, layout->fork);
}

/**
 * vhdx_layout_entry() - make a BAT entry of a new image
 * @layout: the layout of the image
 * @index: into the BAT
 *
 * Blocks that have space lie in the order of the disk.
 *
 * Return: the entry; 0 for an absent block or a sector bitmap.
 */
u64 vhdx_layout_entry(const struct vhdx_layout *layout, u64 index)
{
	u64 block;

	if (!layout->allocated ||
	    !vhdx_bat_entry_at(&layout->bat, index, &block) ||
	    block >= layout->bat.blocks)
		return 0;
	return (layout->blocks_offset + (block << layout->bat.block_shift)) |
	       VHDX_BLOCK_FULLY_PRESENT;
}
