/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sector bitmaps: which sectors of a partially present block lie in this file
 * and which in its parent ([MS-VHDX] 2.4.2).
 *
 * bitmap.c APIs:
 *   vhdx_bitmap_run()	length of a run of sectors that lie in the same place
 * bitmap.h APIs:
 *   vhdx_bitmap_page()	bitmap page that covers a byte of the virtual disk
 */
#ifndef VHDX_BITMAP_H
#define VHDX_BITMAP_H

#include "bat.h"

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

u64 vhdx_bitmap_run(const struct vhdx_bat *bat, const void *page, u64 pos,
		    u64 len, bool *present);

#endif /* VHDX_BITMAP_H */
