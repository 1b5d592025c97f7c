// SPDX-License-Identifier: GPL-2.0-only
#include "bitmap.h"

/**
 * vhdx_bitmap_run() - how far do the sectors that follow lie alike?
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes of interest, sector-aligned, above 0
 * @present: set to whether the sector at @pos is in this file
 *
 * Return: bytes from @pos on, up to @len and to the end of the page, that are
 * as @present says. Source: [MS-VHDX] 2.4.2: bit 0 is the first sector.
 */
u64 vhdx_bitmap_run(const struct vhdx_bat *bat, const void *page, u64 pos,
		    u64 len, bool *present)
{
	u32 bits = 1U << VHDX_BITS_PER_PAGE_SHIFT;
	u32 first = (pos >> bat->sector_shift) & (bits - 1);
	u64 wanted = first + (len >> bat->sector_shift);
	u32 end = min_t(u64, wanted, bits);
	u32 next = find_next_bit_le(page, end, first);

	*present = next == first;
	if (*present)
		next = find_next_zero_bit_le(page, end, first);
	return (u64)(next - first) << bat->sector_shift;
}
