/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block allocation table (BAT): where each block of the virtual disk lies
 * in the file ([MS-VHDX] 2.5).
 *
 * Payload entries are interleaved with sector bitmap entries: one sector bitmap
 * entry follows each chunk ratio of payload entries.
 *
 * bat.c APIs:
 *   vhdx_bat_init()		compute the geometry of an image's BAT
 *   vhdx_bat_entry_at()	entry -> the block that it describes
 *   vhdx_bat_space()		bytes of the file that an entry occupies
 *   vhdx_bat_fault()		why an entry is unusable
 *   vhdx_bat_file_limit()	the longest file that the image can need
 *   vhdx_state_name()		name of a state in the specification
 * bat.h APIs:
 *   vhdx_bat_payload_index()	block -> entry
 *   vhdx_bat_bitmap_index()	chunk -> entry
 *   vhdx_bat_file_offset()	entry -> its byte offset in the file
 *   vhdx_bat_place()		an entry as the place of a finding
 *   vhdx_bat_block_size()	bytes of a payload block
 *   vhdx_entry_state()		entry -> state of its block
 *   vhdx_entry_offset()	entry -> byte offset of its block
 *   vhdx_entry_present()	test whether a payload block has space with data
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
 * @differencing: the image has a parent, so its sector bitmaps are in use
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
 * @regions: the structures at fixed places
 * @file_size: bytes of the file after replay, or more; may change concurrently
 */
struct vhdx_bat_limits {
	const struct vhdx_regions *regions;
	u64 file_size;
};

/**
 * enum vhdx_fault - why an entry is unusable
 * @VHDX_FAULT_NONE: it is usable
 * @VHDX_FAULT_STATE: its state is reserved
 * @VHDX_FAULT_TAKEN: its space overlaps a structure at a fixed place
 * @VHDX_FAULT_BEYOND: its space lies past the end of the file
 * @VHDX_FAULT_CUT: its space starts before the end of the file and ends after
 *	it; the part of a payload block inside the file can be read
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
u64 vhdx_bat_space(const struct vhdx_bat *bat, u64 index, u64 entry,
		   bool *payload, u64 *number);
enum vhdx_fault vhdx_bat_fault(const struct vhdx_bat *bat,
			       const struct vhdx_bat_limits *limits, u64 index,
			       u64 entry);
u64 vhdx_bat_file_limit(const struct vhdx_bat *bat,
			const struct vhdx_regions *regions, u64 size);
const char *vhdx_state_name(enum vhdx_block_state state);

/**
 * vhdx_bat_payload_index() - BAT index of a payload block's entry
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
 * vhdx_bat_bitmap_index() - BAT index of a chunk's sector bitmap entry
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
 * vhdx_bat_file_offset() - byte offset of an entry in the file
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
 * vhdx_bat_block_size() - size of a payload block
 * @bat: the geometry
 *
 * Return: bytes; the last block may reach past the end of the virtual disk.
 */
static inline u64 vhdx_bat_block_size(const struct vhdx_bat *bat)
{
	return 1ULL << bat->block_shift;
}

/**
 * vhdx_entry_state() - state of an entry's block
 * @entry: entry of a payload block, or of a sector bitmap block: the values are
 *	the same
 *
 * Return: the state.
 */
static inline enum vhdx_block_state vhdx_entry_state(u64 entry)
{
	return entry & VHDX_BAT_STATE_MASK;
}

/**
 * vhdx_entry_offset() - byte offset of an entry's block
 * @entry: the entry
 *
 * Return: byte offset in the file; the state determines whether it is valid.
 */
static inline u64 vhdx_entry_offset(u64 entry)
{
	return entry & VHDX_BAT_OFFSET_MASK;
}

/**
 * vhdx_entry_present() - test whether a payload block has space with data
 * @entry: its entry
 *
 * Return: true if the block is fully or partially present.
 */
static inline bool vhdx_entry_present(u64 entry)
{
	return vhdx_entry_state(entry) >= VHDX_BLOCK_FULLY_PRESENT;
}

#endif /* VHDX_BAT_H */
