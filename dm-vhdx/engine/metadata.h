/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata region: the properties of the virtual disk ([MS-VHDX] 2.6).
 *
 * The table has no checksum, so the decoder checks every field.
 *
 * metadata.c APIs:
 *   vhdx_metadata_decode()	check the table and list its items
 *   vhdx_metadata_find()	find a system item by its GUID
 *   vhdx_metadata_params()	read the five items that every image has
 *   vhdx_metadata_free()
 * metadata.h APIs:
 *   vhdx_is_sector_size()	test whether the format allows a sector size
 */
#ifndef VHDX_METADATA_H
#define VHDX_METADATA_H

#include "report.h"
#include "store.h"

/**
 * struct vhdx_item - an entry of the metadata table
 * @id: GUID of the item
 * @offset: bytes from the start of the metadata region; 0 for an empty item
 * @length: bytes
 * @flags: VHDX_ITEM_*
 * @index: its index in the table
 */
struct vhdx_item {
	guid_t id;
	u32 offset;
	u32 length;
	u32 flags;
	u32 index;
};

/**
 * struct vhdx_metadata - the decoded table
 * @base: byte offset of the metadata region in the file
 * @length: length of the metadata region in bytes
 * @items: the items, by ascending offset
 * @count: number of items
 */
struct vhdx_metadata {
	u64 base;
	u64 length;
	struct vhdx_item *items;
	u32 count;
};

/**
 * struct vhdx_params - properties of the virtual disk
 * @size: bytes, a multiple of @logical_sector
 * @block_size: bytes, a power of two from 1 MiB to 256 MiB
 * @logical_sector: 512 or 4096 bytes
 * @physical_sector: 512 or 4096 bytes
 * @disk_id: the identity in SCSI page 83h; a child has its parent's
 * @leave_allocated: this is a fixed image: blocks keep their space
 * @has_parent: this is a differencing image
 */
struct vhdx_params {
	u64 size;
	u32 block_size;
	u32 logical_sector;
	u32 physical_sector;
	guid_t disk_id;
	bool leave_allocated;
	bool has_parent;
};

/**
 * vhdx_is_sector_size() - test whether the format allows a sector size
 * @size: bytes of a logical or physical sector
 *
 * Return: true if it does.
 * Source: [MS-VHDX] 2.6.2.4, 2.6.2.5.
 */
static inline bool vhdx_is_sector_size(u64 size)
{
	return size == 512 || size == 4096;
}

/*
 * vhdx_item_read_t - read @len bytes of an item at byte offset @pos of the
 * file, at any alignment, as the file is after replay.
 */
typedef int (*vhdx_item_read_t)(void *context, u64 pos, void *buf, size_t len);

int vhdx_metadata_decode(const void *table, u64 base, u64 length,
			 struct vhdx_metadata *metadata,
			 struct vhdx_report *report);
const struct vhdx_item *vhdx_metadata_find(const struct vhdx_metadata *metadata,
					   const guid_t *id);
int vhdx_metadata_params(const struct vhdx_metadata *metadata,
			 vhdx_item_read_t read, void *context,
			 struct vhdx_params *params,
			 struct vhdx_report *report);
void vhdx_metadata_free(struct vhdx_metadata *metadata);

#endif /* VHDX_METADATA_H */
