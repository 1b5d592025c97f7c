// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

static u64 entry_at(struct machine *m, u64 index)
{
	u64 entry;

	return vhdx_image_read_entry(m->image, index, &entry) ? 0 : entry;
}

/* MiB that sector bitmaps own. */
static u64 count_bitmaps(struct machine *m)
{
	const struct vhdx_bat *bat = &m->image->bat;
	u64 chunk = geometry_chunk(&m->plan->geometry);
	u64 count = 0, i, entry;

	for (i = 0; bat->differencing && i * chunk < bat->blocks; i++) {
		entry = entry_at(m, vhdx_bat_bitmap_index(bat, i));
		count += !!vhdx_entry_offset(entry);
	}
	return count;
}

/* MiB of the store that have an owner, now. */
static u64 count_owned(struct machine *m)
{
	const struct vhdx_regions *regions = &m->image->regions;
	const struct vhdx_bat *bat = &m->image->bat;
	u64 bytes = 0, block, entry;
	u32 i;

	for (i = 0; i < regions->count; i++)
		bytes += regions->all[i].length;
	for (block = 0; block < bat->blocks; block++) {
		entry = entry_at(m, vhdx_bat_payload_index(bat, block));
		if (vhdx_entry_offset(entry))
			bytes += vhdx_bat_block_size(bat);
	}
	return (bytes >> VHDX_ALIGN_SHIFT) + count_bitmaps(m);
}

/**
 * full_check() - is the store as full as the engine says?
 * @m: the run, in which a request found no space, with nothing under way and
 *	all that was freed committed and drained
 *
 * Only of blocks of 1 MiB, for larger ones may not fit in what is free; and
 * without anchors, which a block leaves behind for the next session. The last
 * MiB of a file of odd length can be used when the file has grown, not before. A
 * place that could not be zeroed is not used.
 */
void full_check(struct machine *m)
{
	u64 size = m->made.limit ? m->made.limit : m->rec.live.size;
	u64 room = min(size >> VHDX_ALIGN_SHIFT, (u64)DISK_UNITS);
	u64 owned;

	if (m->plan->geometry.block_shift != VHDX_ALIGN_SHIFT ||
	    m->plan->geometry.anchors)
		return;
	owned = count_owned(m) + m->session->bad_places +
		(m->plan->geometry.odd != 0);
	/* A block of a child may need a sector bitmap, too. */
	owned += m->plan->geometry.child;
	/* The hole that a block is moving to has an owner soon. */
	owned += m->session->move.fenced;
	if (owned < room && !m->rec.failed)
		machine_fail(m,
			     "there is no space, but of %llu MiB %llu have no owner",
			     room, room - owned);
}
