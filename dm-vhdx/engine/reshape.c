// SPDX-License-Identifier: GPL-2.0-only
#include "reshape.h"

/**
 * vhdx_shape_init() - make a geometry ready
 * @shape: filled in, for vhdx_shape_exit(), also after a failure
 * @image: the image that it is for
 * @size: bytes of the virtual disk
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_shape_init(struct vhdx_shape *shape, struct vhdx_image *image,
		    u64 size)
{
	struct vhdx_params params = image->params;
	struct vhdx_bat *to = &shape->to;
	int r;

	*shape = (struct vhdx_shape){};
	params.size = size;
	vhdx_bat_init(to, &params, image->bat.offset);
	r = vhdx_page_map_init(&shape->bat_pages, &image->pool, to->pages);
	if (!r && to->differencing)
		r = vhdx_page_map_init(&shape->bitmap_pages, &image->pool,
				       to->chunks << VHDX_BITMAP_PAGES_SHIFT);
	return r;
}

/**
 * vhdx_shape_take() - let the image have the new geometry
 * @shape: made ready for it, and without maps afterwards
 * @session: over the image, not live; nobody looks anything up, nor has for a grace
 *	period of RCU
 * @to: the geometry, of the size that @shape was made ready for
 * @region: length of the BAT region if it has moved to @to, else 0
 *
 * The next survey finds the space that this frees.
 *
 * Context: may sleep; the committer.
 */
void vhdx_shape_take(struct vhdx_shape *shape, struct vhdx_session *session,
		     const struct vhdx_bat *to, u64 region)
{
	struct vhdx_image *image = session->image;

	vhdx_page_map_exit(&image->bat_pages);
	vhdx_page_map_exit(&image->bitmap_pages);
	image->bat_pages = shape->bat_pages;
	image->bitmap_pages = shape->bitmap_pages;
	if (region || to->size < image->bat.size)
		session->surveyed = false;
	if (region)
		vhdx_regions_move_bat(&image->regions, to->offset, region);
	image->bat = *to;
	image->params.size = to->size;
	shape->bat_pages = (struct vhdx_page_map){};
	shape->bitmap_pages = (struct vhdx_page_map){};
}

/**
 * vhdx_shape_exit() - drop what was not taken
 * @shape: from vhdx_shape_init()
 *
 * Context: may sleep.
 */
void vhdx_shape_exit(struct vhdx_shape *shape)
{
	vhdx_page_map_exit(&shape->bat_pages);
	vhdx_page_map_exit(&shape->bitmap_pages);
}
