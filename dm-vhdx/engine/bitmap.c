// SPDX-License-Identifier: GPL-2.0-only
#include "bitmap.h"

/**
 * struct bits - a range of bits in a page
 * @first: first bit
 * @end: the bit after the last one
 */
struct bits {
	u32 first;
	u32 end;
};

static struct bits bits_of(const struct vhdx_bat *bat, u64 pos, u64 len)
{
	u32 bits = 1U << VHDX_BITS_PER_PAGE_SHIFT;
	u32 first = (pos >> bat->sector_shift) & (bits - 1);

	return (struct bits){
		.first = first,
		.end = min_t(u64, first + (len >> bat->sector_shift), bits),
	};
}

/**
 * vhdx_bitmap_run() - measure a run of sectors with the same bit
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes of interest, sector-aligned, above 0
 * @present: set to true if the sector at @pos is in this file
 *
 * Return: bytes from @pos on, up to @len and to the end of the page, for which
 * @present holds. Source: [MS-VHDX] 2.4.2: bit 0 is the first sector.
 */
u64 vhdx_bitmap_run(const struct vhdx_bat *bat, const void *page, u64 pos,
		    u64 len, bool *present)
{
	struct bits bits = bits_of(bat, pos, len);
	u32 next = find_next_bit_le(page, bits.end, bits.first);

	*present = next == bits.first;
	if (*present)
		next = find_next_zero_bit_le(page, bits.end, bits.first);
	return (u64)(next - bits.first) << bat->sector_shift;
}

/**
 * vhdx_bitmap_has() - test whether any of the sectors lies in this file
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned; what lies behind the end of the page is left out
 *
 * Return: true if a bit is set.
 */
bool vhdx_bitmap_has(const struct vhdx_bat *bat, const void *page, u64 pos,
		     u64 len)
{
	struct bits bits = bits_of(bat, pos, len);

	return find_next_bit_le(page, bits.end, bits.first) < bits.end;
}

/**
 * vhdx_bitmap_lacks() - test whether any of the sectors is not in this file
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned; what lies behind the end of the page is left out
 *
 * Return: true if a bit is clear.
 */
bool vhdx_bitmap_lacks(const struct vhdx_bat *bat, const void *page, u64 pos,
		       u64 len)
{
	struct bits bits = bits_of(bat, pos, len);

	return find_next_zero_bit_le(page, bits.end, bits.first) < bits.end;
}

static void write_byte(u8 *byte, u8 mask, bool set)
{
	WRITE_ONCE(*byte, set ? *byte | mask : *byte & ~mask);
}

/* Readers take no lock, so each byte is stored once, with its final value. */
static void write_bits(u8 *page, struct bits bits, bool set)
{
	u32 byte = bits.first / 8, last = (bits.end - 1) / 8;
	u8 first_mask = 0xffU << bits.first % 8;
	u8 last_mask = 0xffU >> (7 - (bits.end - 1) % 8);

	if (byte == last) {
		write_byte(&page[byte], first_mask & last_mask, set);
		return;
	}
	write_byte(&page[byte], first_mask, set);
	for (byte++; byte < last; byte++)
		WRITE_ONCE(page[byte], set ? 0xff : 0);
	write_byte(&page[last], last_mask, set);
}

/**
 * vhdx_bitmap_set() - mark sectors as present in this file
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; what lies behind the end of the page is
 *	left out
 *
 * Context: under the pool's lock; readers may look at the page meanwhile.
 */
void vhdx_bitmap_set(const struct vhdx_bat *bat, void *page, u64 pos, u64 len)
{
	write_bits(page, bits_of(bat, pos, len), true);
}

/**
 * vhdx_bitmap_clear() - mark sectors as absent from this file
 * @bat: the geometry
 * @page: the 4 KiB of bitmap that cover @pos
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0; what lies behind the end of the page is
 *	left out
 *
 * Context: under the pool's lock; readers may look at the page meanwhile.
 */
void vhdx_bitmap_clear(const struct vhdx_bat *bat, void *page, u64 pos,
		       u64 len)
{
	write_bits(page, bits_of(bat, pos, len), false);
}
