/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new image is to be, and where everything in it goes.
 *
 * The layout is that of the images Windows makes: the header section, the log,
 * the metadata, the BAT, and then the blocks.
 *
 * layout.c APIs:
 *   vhdx_layout_fault()	can there be such an image?
 *   vhdx_layout_init()		where things go
 *   vhdx_layout_regions()	the region table
 *   vhdx_layout_metadata()	the metadata table and its items
 *   vhdx_layout_entry()	a new image's BAT entry
 */
#ifndef VHDX_LAYOUT_H
#define VHDX_LAYOUT_H

#include "bat.h"

/* What Windows takes. */
#define VHDX_CREATE_LOG_LENGTH		((u32)VHDX_MIB)
#define VHDX_CREATE_LOGICAL_SECTOR	512U
#define VHDX_CREATE_PHYSICAL_SECTOR	4096U

/*
 * Space is given to a virtual disk a block at a time. File systems spread what
 * they write first over the whole disk, so with the 32 MiB that Windows takes,
 * a new ext4 on a large disk soon has most of its blocks; but those of a disk
 * that has all its space anyway only need a short BAT.
 */
#define VHDX_CREATE_BLOCK_SIZE		((u32)(2 * VHDX_MIB))
#define VHDX_CREATE_BLOCK_SIZE_FULL	((u32)(32 * VHDX_MIB))

/* Bytes of metadata that are not zero: the table, and a page of items. */
#define VHDX_LAYOUT_METADATA_SIZE	(VHDX_TABLE_SIZE + VHDX_PAGE)

/**
 * struct vhdx_create - what a new image is to be
 * @size: bytes of the virtual disk
 * @block_size: bytes
 * @logical_sector: bytes
 * @physical_sector: bytes
 * @log_length: bytes
 * @allocated: every block has its space from the start
 * @fixed: and keeps it: what Windows calls a fixed disk
 */
struct vhdx_create {
	u64 size;
	u32 block_size;
	u32 logical_sector;
	u32 physical_sector;
	u32 log_length;
	bool allocated;
	bool fixed;
};

/**
 * struct vhdx_layout - where things go
 * @params: the virtual disk, with an identity of its own
 * @bat: the BAT's geometry
 * @allocated: every block has its space
 * @log_offset: byte offset in the file
 * @log_length: bytes
 * @metadata_offset: byte offset in the file
 * @metadata_length: bytes
 * @bat_length: bytes; it begins at @bat's offset
 * @blocks_offset: byte offset in the file of the first block
 * @end: length of the file in bytes
 */
struct vhdx_layout {
	struct vhdx_params params;
	struct vhdx_bat bat;
	bool allocated;
	u64 log_offset;
	u32 log_length;
	u64 metadata_offset;
	u32 metadata_length;
	u32 bat_length;
	u64 blocks_offset;
	u64 end;
};

const char *vhdx_layout_fault(const struct vhdx_create *create,
			      const void **member);
void vhdx_layout_init(struct vhdx_layout *layout,
		      const struct vhdx_create *create);
void vhdx_layout_regions(const struct vhdx_layout *layout, void *table);
void vhdx_layout_metadata(const struct vhdx_layout *layout, void *buf);
u64 vhdx_layout_entry(const struct vhdx_layout *layout, u64 index);

#endif /* VHDX_LAYOUT_H */
