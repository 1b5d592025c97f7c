/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new geometry for an open image whose disk was resized in the file. All
 * memory is allocated before the file changes, so the geometry in memory can
 * always follow.
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
