/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The geometry of a new image, and the place of everything in it.
 *
 * The layout is the one that Windows uses: the header section, the log, the
 * metadata, the BAT, and then the blocks.
 *
 * layout.c APIs:
 *   vhdx_layout_usual()	what an image has unless somebody says otherwise
 *   vhdx_size_fault()		why a disk with this size is impossible
 *   vhdx_layout_fault()	why an image with these properties is impossible
 *   vhdx_layout_init()		place the parts of a new image
 *   vhdx_layout_regions()	make the region table
 *   vhdx_layout_metadata()	make the metadata table and its items
 *   vhdx_layout_entry()	make a BAT entry
 */
#ifndef VHDX_LAYOUT_H
#define VHDX_LAYOUT_H

#include "fork.h"

/* The values that Windows uses. */
#define VHDX_CREATE_LOG_LENGTH		((u32)VHDX_MIB)
#define VHDX_CREATE_LOGICAL_SECTOR	512U
#define VHDX_CREATE_PHYSICAL_SECTOR	4096U

/*
 * A virtual disk gets its space a block at a time. File systems spread their
 * first writes over the whole disk. With the 32 MiB blocks of Windows, a new
 * ext4 on a large disk would soon allocate most of them. If a disk has all its
 * space from the start, large blocks only keep its BAT short.
 */
#define VHDX_CREATE_BLOCK_SIZE		((u32)(2 * VHDX_MIB))
#define VHDX_CREATE_BLOCK_SIZE_FULL	((u32)(32 * VHDX_MIB))

/**
 * struct vhdx_create - properties of a new image
 * @size: bytes of the virtual disk
 * @block_size: bytes
 * @logical_sector: bytes
 * @physical_sector: bytes
 * @log_length: bytes
 * @allocated: every block has its space from the start
 * @fixed: every block has its space and keeps it; Windows calls this a fixed
 *	disk
 * @fork: what a child takes from its parent, see vhdx_fork_init(); NULL for an
 *	image without a parent. Outlives the layout.
 */
struct vhdx_create {
	u64 size;
	u32 block_size;
	u32 logical_sector;
	u32 physical_sector;
	u32 log_length;
	bool allocated;
	bool fixed;
	const struct vhdx_fork *fork;
};

/**
 * struct vhdx_layout - places of the parts of a new image
 * @params: the virtual disk, with a new disk identity or its parent's
 * @fork: what a child takes from its parent; NULL for an image without one
 * @bat: the BAT's geometry
 * @allocated: every block has its space
 * @log_offset: byte offset in the file
 * @log_length: bytes
 * @metadata_offset: byte offset in the file
 * @metadata_length: length of the metadata region in bytes
 * @metadata_used: bytes of it that are not zeros, a multiple of VHDX_PAGE
 * @bat_length: length of the BAT region in bytes; @bat holds its offset
 * @blocks_offset: byte offset of the first block in the file
 * @end: length of the file in bytes
 */
struct vhdx_layout {
	struct vhdx_params params;
	const struct vhdx_fork *fork;
	struct vhdx_bat bat;
	bool allocated;
	u64 log_offset;
	u32 log_length;
	u64 metadata_offset;
	u32 metadata_length;
	u32 metadata_used;
	u32 bat_length;
	u64 blocks_offset;
	u64 end;
};

void vhdx_layout_usual(struct vhdx_create *create);
const char *vhdx_size_fault(u64 size, u32 logical_sector);
const char *vhdx_layout_fault(const struct vhdx_create *create,
			      const void **member);
void vhdx_layout_init(struct vhdx_layout *layout,
		      const struct vhdx_create *create);
void vhdx_layout_regions(const struct vhdx_layout *layout, void *table);
void vhdx_layout_metadata(const struct vhdx_layout *layout, void *buf);
u64 vhdx_layout_entry(const struct vhdx_layout *layout, u64 index);

#endif /* VHDX_LAYOUT_H */
