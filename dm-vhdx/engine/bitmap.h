/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sector bitmaps: which sectors of a partially present block are in this file
 * and which in its parent ([MS-VHDX] 2.4.2).
 *
 * bitmap.c APIs:
 *   vhdx_bitmap_run()	how far do the sectors that follow lie alike?
 * bitmap.h APIs:
 *   vhdx_bitmap_page()	which bitmap page covers a byte of the virtual disk?
 */
#ifndef VHDX_BITMAP_H
#define VHDX_BITMAP_H

#include "bat.h"

/**
 * vhdx_bitmap_page() - which page of the sector bitmaps covers a byte?
 * @bat: the geometry
 * @pos: byte offset on the virtual disk
 *
 * Return: index of the 4 KiB page: chunk times 256 and the page in its block.
 */
static inline u64 vhdx_bitmap_page(const struct vhdx_bat *bat, u64 pos)
{
	return pos >> (bat->sector_shift + VHDX_BITS_PER_PAGE_SHIFT);
}

u64 vhdx_bitmap_run(const struct vhdx_bat *bat, const void *page, u64 pos,
		    u64 len, bool *present);

#endif /* VHDX_BITMAP_H */
