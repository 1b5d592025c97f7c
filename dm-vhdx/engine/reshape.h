/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another geometry for an image that is open and whose disk has another size on
 * disk. What is allocated is allocated ahead, so that the image in memory cannot
 * stay behind the one on disk.
 *
 * reshape.c APIs:
 *   vhdx_shape_init()	make a geometry ready
 *   vhdx_shape_take()	let the image have it
 *   vhdx_shape_exit()	drop what was not taken
 */
#ifndef VHDX_RESHAPE_H
#define VHDX_RESHAPE_H

#include "session.h"

/**
 * struct vhdx_shape - the geometry that an image is to have
 * @to: its BAT; the offset is that of the present one
 * @bat_pages: an empty map of its pages
 * @bitmap_pages: an empty map of those of the sector bitmaps, if it has any
 */
struct vhdx_shape {
	struct vhdx_bat to;
	struct vhdx_page_map bat_pages;
	struct vhdx_page_map bitmap_pages;
};

int vhdx_shape_init(struct vhdx_shape *shape, struct vhdx_image *image,
		    u64 size);
void vhdx_shape_take(struct vhdx_shape *shape, struct vhdx_session *session,
		     const struct vhdx_bat *to, u64 region);
void vhdx_shape_exit(struct vhdx_shape *shape);

#endif /* VHDX_RESHAPE_H */
