/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sector bitmaps: which sectors of a partially present block lie in this file
 * and which in its parent ([MS-VHDX] 2.4.2).
 *
 * bitmap.c APIs:
 *   vhdx_bitmap_run()	length of a run of sectors that lie in the same place
 *   vhdx_bitmap_has()	test whether any of the sectors lies in this file
 *   vhdx_bitmap_lacks()	test whether any of them does not
 *   vhdx_bitmap_set()	the sectors lie in this file from now on
 *   vhdx_bitmap_clear()	none of them does
 * bitmap.h APIs:
 *   vhdx_bitmap_page()	bitmap page that covers a byte of the virtual disk
 *   vhdx_bitmap_reach()	bytes of the virtual disk that one page covers
 *   vhdx_bitmap_pages()	pages that cover a payload block
 */
#ifndef VHDX_BITMAP_H
#define VHDX_BITMAP_H

#include "bat.h"

/* Pages that cover a block of 256 MiB with sectors of 512 bytes. */
#define VHDX_BITMAP_PAGES_MAX	16U
static_assert(VHDX_BLOCK_SIZE_MAX / 512 >> VHDX_BITS_PER_PAGE_SHIFT ==
	      VHDX_BITMAP_PAGES_MAX);

/**
 * vhdx_bitmap_page() - bitmap page that covers a byte of the virtual disk
 * @bat: the geometry
 * @pos: byte offset on the virtual disk
 *
 * Return: index of the 4 KiB page: chunk * 256 + page inside the bitmap block.
 */
static inline u64 vhdx_bitmap_page(const struct vhdx_bat *bat, u64 pos)
{
	return pos >> (bat->sector_shift + VHDX_BITS_PER_PAGE_SHIFT);
}

/**
 * vhdx_bitmap_reach() - bytes of the virtual disk that one bitmap page covers
 * @bat: the geometry
 *
 * Return: bytes, a power of two.
 */
static inline u64 vhdx_bitmap_reach(const struct vhdx_bat *bat)
{
	return 1ULL << (bat->sector_shift + VHDX_BITS_PER_PAGE_SHIFT);
}

/**
 * vhdx_bitmap_pages() - pages that cover a payload block
 * @bat: the geometry
 *
 * Return: how many; a page may cover more than one block.
 */
static inline u32 vhdx_bitmap_pages(const struct vhdx_bat *bat)
{
	return DIV_ROUND_UP_ULL(vhdx_bat_block_size(bat),
				vhdx_bitmap_reach(bat));
}

u64 vhdx_bitmap_run(const struct vhdx_bat *bat, const void *page, u64 pos,
		    u64 len, bool *present);
bool vhdx_bitmap_has(const struct vhdx_bat *bat, const void *page, u64 pos,
		     u64 len);
bool vhdx_bitmap_lacks(const struct vhdx_bat *bat, const void *page, u64 pos,
		       u64 len);
void vhdx_bitmap_set(const struct vhdx_bat *bat, void *page, u64 pos, u64 len);
void vhdx_bitmap_clear(const struct vhdx_bat *bat, void *page, u64 pos,
		       u64 len);

#endif /* VHDX_BITMAP_H */
