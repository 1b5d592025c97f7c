/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BAT: which block of the virtual disk lies where ([MS-VHDX] 2.5).
 *
 * Payload entries are interleaved with sector bitmap entries: after each chunk
 * ratio of the former comes one of the latter.
 *
 * bat.c APIs:
 *   vhdx_bat_init()		the arithmetic of one image's BAT
 *   vhdx_bat_entry_at()	entry -> what it describes
 *   vhdx_bat_fault()		why an entry cannot be used
 *   vhdx_bat_file_limit()	how long the file may have to be
 *   vhdx_state_name()		a state in the words of the specification
 * bat.h APIs:
 *   vhdx_bat_payload_index()	block -> entry
 *   vhdx_bat_bitmap_index()	chunk -> entry
 *   vhdx_bat_file_offset()	entry -> where in the file it is
 *   vhdx_bat_place()		an entry as the place of a finding
 *   vhdx_bat_block_size()	bytes of a payload block
 *   vhdx_entry_state()		entry -> state of its block
 *   vhdx_entry_offset()	entry -> where its block is
 *   vhdx_entry_present()	has its block space that holds its data?
 */
#ifndef VHDX_BAT_H
#define VHDX_BAT_H

#include "metadata.h"
#include "region.h"

/**
 * struct vhdx_bat - the BAT's geometry
 * @offset: byte offset of the BAT region in the file
 * @size: bytes of the virtual disk
 * @block_shift: log2 of the block size in bytes
 * @sector_shift: log2 of the logical sector size in bytes
 * @ratio_shift: log2 of the chunk ratio: payload blocks to a sector bitmap
 * @differencing: the image has a parent, so sector bitmaps mean something
 * @blocks: payload blocks
 * @chunks: sector bitmap blocks
 * @entries: all entries, of both kinds
 * @pages: 4 KiB pages that hold them
 */
struct vhdx_bat {
	u64 offset;
	u64 size;
	u8 block_shift;
	u8 sector_shift;
	u8 ratio_shift;
	bool differencing;
	u64 blocks;
	u64 chunks;
	u64 entries;
	u64 pages;
};

/**
 * struct vhdx_bat_limits - what an entry's offset must respect
 * @regions: what lies at a fixed place
 * @file_size: bytes of the file after replay: what it holds, or more; may change
 *	meanwhile
 */
struct vhdx_bat_limits {
	const struct vhdx_regions *regions;
	u64 file_size;
};

/**
 * enum vhdx_fault - why an entry cannot be used
 * @VHDX_FAULT_NONE: it can
 * @VHDX_FAULT_STATE: its state is reserved
 * @VHDX_FAULT_TAKEN: its space belongs to something that has a fixed place
 * @VHDX_FAULT_BEYOND: its space lies past the end of the file
 * @VHDX_FAULT_CUT: its space begins before the end of the file, and ends past it;
 *	of a payload block, what is there can be read
 */
enum vhdx_fault {
	VHDX_FAULT_NONE,
	VHDX_FAULT_STATE,
	VHDX_FAULT_TAKEN,
	VHDX_FAULT_BEYOND,
	VHDX_FAULT_CUT,
};

void vhdx_bat_init(struct vhdx_bat *bat, const struct vhdx_params *params,
		   u64 offset);
bool vhdx_bat_entry_at(const struct vhdx_bat *bat, u64 index, u64 *number);
enum vhdx_fault vhdx_bat_fault(const struct vhdx_bat *bat,
			       const struct vhdx_bat_limits *limits, u64 index,
			       u64 entry);
u64 vhdx_bat_file_limit(const struct vhdx_bat *bat,
			const struct vhdx_regions *regions, u64 size);
const char *vhdx_state_name(enum vhdx_block_state state);

/**
 * vhdx_bat_payload_index() - where a payload block's entry is
 * @bat: the geometry
 * @block: number of the block
 *
 * Return: index into the BAT.
 */
static inline u64 vhdx_bat_payload_index(const struct vhdx_bat *bat, u64 block)
{
	return block + (block >> bat->ratio_shift);
}

/**
 * vhdx_bat_bitmap_index() - where a chunk's sector bitmap entry is
 * @bat: the geometry
 * @chunk: number of the chunk
 *
 * Return: index into the BAT.
 */
static inline u64 vhdx_bat_bitmap_index(const struct vhdx_bat *bat, u64 chunk)
{
	return ((chunk + 1) << bat->ratio_shift) + chunk;
}

/**
 * vhdx_bat_file_offset() - where in the file an entry lies
 * @bat: the geometry
 * @index: into the BAT
 *
 * Return: bytes.
 */
static inline u64 vhdx_bat_file_offset(const struct vhdx_bat *bat, u64 index)
{
	return bat->offset + index * sizeof(__le64);
}

/**
 * vhdx_bat_place() - an entry as the place of a finding
 * @bat: the geometry
 * @index: into the BAT
 *
 * Return: the place.
 */
static inline struct vhdx_place vhdx_bat_place(const struct vhdx_bat *bat,
					       u64 index)
{
	return VHDX_AT_INDEX("BAT entry", index,
			     vhdx_bat_file_offset(bat, index));
}

/**
 * vhdx_bat_block_size() - how long a payload block is
 * @bat: the geometry
 *
 * Return: bytes; the last block may reach past the end of the virtual disk.
 */
static inline u64 vhdx_bat_block_size(const struct vhdx_bat *bat)
{
	return 1ULL << bat->block_shift;
}

/**
 * vhdx_entry_state() - what an entry says of its block
 * @entry: of a payload block; of a sector bitmap, the number is the same
 *
 * Return: the state.
 */
static inline enum vhdx_block_state vhdx_entry_state(u64 entry)
{
	return entry & VHDX_BAT_STATE_MASK;
}

/**
 * vhdx_entry_offset() - where an entry says that its block lies
 * @entry: the entry
 *
 * Return: byte offset in the file; whether it counts depends on the state.
 */
static inline u64 vhdx_entry_offset(u64 entry)
{
	return entry & VHDX_BAT_OFFSET_MASK;
}

/**
 * vhdx_entry_present() - has a payload block space that holds its data?
 * @entry: its entry
 *
 * Return: whether all or some of it is present.
 */
static inline bool vhdx_entry_present(u64 entry)
{
	return vhdx_entry_state(entry) >= VHDX_BLOCK_FULLY_PRESENT;
}

#endif /* VHDX_BAT_H */
