// SPDX-License-Identifier: GPL-2.0-only
#include "bat.h"

/**
 * vhdx_bat_init() - compute the geometry of an image's BAT
 * @bat: receives the geometry
 * @params: parameters of the virtual disk, which have been checked
 * @offset: byte offset of the BAT region in the file
 *
 * A differencing image has a sector bitmap entry after its last chunk too; the
 * others stop at the last payload entry. Source: [MS-VHDX] 2.5.
 */
void vhdx_bat_init(struct vhdx_bat *bat, const struct vhdx_params *params,
		   u64 offset)
{
	bat->offset = offset;
	bat->size = params->size;
	bat->block_shift = ilog2(params->block_size);
	bat->sector_shift = ilog2(params->logical_sector);
	bat->ratio_shift =
		VHDX_CHUNK_SECTORS_SHIFT + bat->sector_shift - bat->block_shift;
	bat->differencing = params->has_parent;
	bat->blocks = (params->size + params->block_size - 1) >>
		      bat->block_shift;
	bat->chunks = (bat->blocks + (1ULL << bat->ratio_shift) - 1) >>
		      bat->ratio_shift;
	if (bat->differencing)
		bat->entries = vhdx_bat_bitmap_index(bat, bat->chunks - 1) + 1;
	else
		bat->entries = vhdx_bat_payload_index(bat, bat->blocks - 1) + 1;
	bat->pages = (bat->entries + VHDX_BAT_ENTRIES_PER_PAGE - 1) >>
		     VHDX_BAT_ENTRIES_PER_PAGE_SHIFT;
}

/**
 * vhdx_bat_entry_at() - find the block that an entry describes
 * @bat: the geometry
 * @index: into the BAT
 * @number: set to the number of the payload block, or of the chunk
 *
 * Return: true for a payload block, false for a sector bitmap block.
 */
bool vhdx_bat_entry_at(const struct vhdx_bat *bat, u64 index, u64 *number)
{
	u64 ratio = 1ULL << bat->ratio_shift;
	u64 chunk = index / (ratio + 1);
	u64 rest = index % (ratio + 1);

	if (rest == ratio) {
		*number = chunk;
		return false;
	}
	*number = (chunk << bat->ratio_shift) + rest;
	return true;
}

/**
 * vhdx_bat_space() - find out how much space of the file an entry occupies
 * @bat: the geometry
 * @index: into the BAT
 * @entry: value of the entry
 * @payload: set to true for a payload block, false for a sector bitmap block
 * @number: set to the number of the payload block, or of the chunk
 *
 * An unmapped block owns its old space until its entry is rewritten.
 *
 * Context: any.
 * Return: bytes; 0 for an entry behind the last one.
 */
u64 vhdx_bat_space(const struct vhdx_bat *bat, u64 index, u64 entry,
		   bool *payload, u64 *number)
{
	enum vhdx_block_state state = vhdx_entry_state(entry);

	*payload = vhdx_bat_entry_at(bat, index, number);
	if (!*payload)
		return bat->differencing && state == VHDX_BLOCK_FULLY_PRESENT ?
			       VHDX_BITMAP_BLOCK_SIZE :
			       0;
	if (*number >= bat->blocks)
		return 0;
	switch (state) {
	case VHDX_BLOCK_FULLY_PRESENT:
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		return vhdx_bat_block_size(bat);
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_UNMAPPED:
		return vhdx_entry_offset(entry) ? vhdx_bat_block_size(bat) : 0;
	default:
		return 0;
	}
}

/**
 * vhdx_state_name() - name a state as the specification does
 * @state: from 0 to 7
 *
 * Return: a constant string; "reserved" for 4 and 5.
 * Source: [MS-VHDX] 2.5.1.1.
 */
const char *vhdx_state_name(enum vhdx_block_state state)
{
	switch (state) {
	case VHDX_BLOCK_NOT_PRESENT:
		return "NOT_PRESENT";
	case VHDX_BLOCK_UNDEFINED:
		return "UNDEFINED";
	case VHDX_BLOCK_ZERO:
		return "ZERO";
	case VHDX_BLOCK_UNMAPPED:
		return "UNMAPPED";
	case VHDX_BLOCK_FULLY_PRESENT:
		return "FULLY_PRESENT";
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		return "PARTIALLY_PRESENT";
	}
	return "reserved";
}

/* The file must hold the first @needed of the @length bytes. */
static enum vhdx_fault space_fault(const struct vhdx_bat_limits *limits,
				   u64 entry, u64 length, u64 needed)
{
	u64 offset = vhdx_entry_offset(entry);
	u64 size = READ_ONCE(limits->file_size);

	if (vhdx_regions_hit(limits->regions, offset, length))
		return VHDX_FAULT_TAKEN;
	if (offset >= size)
		return VHDX_FAULT_BEYOND;
	if (needed > size - offset)
		return VHDX_FAULT_CUT;
	return VHDX_FAULT_NONE;
}

/*
 * Old versions of QEMU wrote only the needed part of the last block, so the
 * file may end where the virtual disk does.
 */
static enum vhdx_fault payload_fault(const struct vhdx_bat *bat,
				     const struct vhdx_bat_limits *limits,
				     u64 block, u64 entry)
{
	u64 size = vhdx_bat_block_size(bat);

	switch (vhdx_entry_state(entry)) {
	case VHDX_BLOCK_NOT_PRESENT:
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_ZERO:
	case VHDX_BLOCK_UNMAPPED:
		return VHDX_FAULT_NONE;
	case VHDX_BLOCK_FULLY_PRESENT:
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		return space_fault(limits, entry, size,
				   min(size, bat->size -
					     (block << bat->block_shift)));
	}
	return VHDX_FAULT_STATE;
}

static enum vhdx_fault bitmap_fault(const struct vhdx_bat_limits *limits,
				    u64 entry)
{
	switch ((int)vhdx_entry_state(entry)) {
	case VHDX_BITMAP_NOT_PRESENT:
		return VHDX_FAULT_NONE;
	case VHDX_BITMAP_PRESENT:
		return space_fault(limits, entry, VHDX_BITMAP_BLOCK_SIZE,
				   VHDX_BITMAP_BLOCK_SIZE);
	}
	return VHDX_FAULT_STATE;
}

/**
 * vhdx_bat_fault() - find the fault of an entry
 * @bat: the geometry
 * @limits: limits that the entry must respect
 * @index: into the BAT; padding after the last entry is always good
 * @entry: value of the entry
 *
 * Sector bitmap entries of an image without a parent are ignored: some images
 * have garbage there.
 *
 * Context: any.
 * Return: VHDX_FAULT_NONE if it can be used.
 * Source: [MS-VHDX] 2.5.1.
 */
enum vhdx_fault vhdx_bat_fault(const struct vhdx_bat *bat,
			       const struct vhdx_bat_limits *limits, u64 index,
			       u64 entry)
{
	bool payload;
	u64 number;

	/*
	 * Most entries of a sparse image. Of either kind, such an entry has no
	 * space.
	 */
	if (vhdx_entry_state(entry) == VHDX_BLOCK_NOT_PRESENT ||
	    index >= bat->entries)
		return VHDX_FAULT_NONE;
	payload = vhdx_bat_entry_at(bat, index, &number);
	if (payload && number < bat->blocks)
		return payload_fault(bat, limits, number, entry);
	if (!payload && bat->differencing)
		return bitmap_fault(limits, entry);
	return VHDX_FAULT_NONE;
}

/**
 * vhdx_bat_file_limit() - how long the file may have to be
 * @bat: the geometry
 * @regions: what lies at a fixed place
 * @size: bytes of the file
 *
 * A file may hold each block once behind all that has a fixed place, and be a
 * bit longer for those who grow it in steps. One that is longer already may be
 * so for a reason.
 *
 * Return: bytes, a multiple of 1 MiB up to VHDX_FILE_SIZE_MAX.
 */
u64 vhdx_bat_file_limit(const struct vhdx_bat *bat,
			const struct vhdx_regions *regions, u64 size)
{
	const struct vhdx_region *last = &regions->all[regions->count - 1];
	u64 end = last->offset + last->length +
		  (bat->blocks << bat->block_shift);

	if (bat->differencing)
		end += bat->chunks * VHDX_BITMAP_BLOCK_SIZE;
	end = max(end, size) + VHDX_FILE_SLACK;
	return min(ALIGN_DOWN(end, VHDX_ALIGN), VHDX_FILE_SIZE_MAX);
}
