// SPDX-License-Identifier: GPL-2.0-only
#include "handle.h"
#include "walk.h"

static const struct vhdx_params *params_of(const struct vhdx_disk *handle)
{
	static const struct vhdx_params none;

	return handle->disk ? &handle->disk->layer[0]->image->params : &none;
}

/**
 * vhdx_disk_size() - get the size of the disk
 * @handle: the handle
 *
 * Return: bytes; 0 if it is not open.
 */
uint64_t vhdx_disk_size(const struct vhdx_disk *handle)
{
	return params_of(handle)->size;
}

/**
 * vhdx_disk_sector_size() - get the size of a sector
 * @handle: the handle
 *
 * Return: bytes; 0 if it is not open.
 */
uint32_t vhdx_disk_sector_size(const struct vhdx_disk *handle)
{
	return params_of(handle)->logical_sector;
}

/**
 * vhdx_disk_physical_sector_size() - get the size of a sector of the medium
 * @handle: the handle
 *
 * Return: bytes; 0 if it is not open.
 */
uint32_t vhdx_disk_physical_sector_size(const struct vhdx_disk *handle)
{
	return params_of(handle)->physical_sector;
}

/**
 * vhdx_disk_block_size() - get the size of a block of the image
 * @handle: the handle
 *
 * Return: bytes; 0 if it is not open.
 */
uint32_t vhdx_disk_block_size(const struct vhdx_disk *handle)
{
	return params_of(handle)->block_size;
}

/**
 * vhdx_disk_id() - get the identity of the virtual disk
 * @handle: the handle
 *
 * Return: a GUID as text; NULL if it is not open.
 */
const char *vhdx_disk_id(const struct vhdx_disk *handle)
{
	return handle->disk ? handle->id : NULL;
}

/**
 * vhdx_disk_traits() - get what the image is
 * @handle: the handle
 *
 * Return: VHDX_TRAIT_*.
 */
unsigned int vhdx_disk_traits(const struct vhdx_disk *handle)
{
	const struct layer *layer;
	unsigned int traits = 0;

	if (!handle->disk)
		return 0;
	layer = handle->disk->layer[0];
	if (layer->image->params.leave_allocated)
		traits |= VHDX_TRAIT_FIXED;
	if (layer->image->params.has_parent)
		traits |= VHDX_TRAIT_HAS_PARENT;
	if (vhdx_header_dirty(vhdx_header_current(&layer->image->headers)))
		traits |= VHDX_TRAIT_LOG;
	if (layer->file.in_use)
		traits |= VHDX_TRAIT_IN_USE;
	if (layer->file.device)
		traits |= VHDX_TRAIT_DEVICE;
	return traits;
}

/**
 * vhdx_disk_depth() - get how many images are open
 * @handle: the handle
 *
 * Return: the number, the child included; 0 if it is not open.
 */
uint32_t vhdx_disk_depth(const struct vhdx_disk *handle)
{
	return handle->disk ? handle->disk->depth : 0;
}

/**
 * vhdx_disk_path() - get where an image lies
 * @handle: the handle
 * @layer: 0 for the child, 1 for its parent
 *
 * Return: the path, until vhdx_disk_free(); NULL if there is no such image.
 */
const char *vhdx_disk_path(const struct vhdx_disk *handle, uint32_t layer)
{
	if (layer >= vhdx_disk_depth(handle))
		return NULL;
	return handle->disk->layer[layer]->path;
}

/**
 * vhdx_extent_words() - get what the state of an extent is called
 * @state: of struct vhdx_extent
 *
 * Return: a constant.
 */
const char *vhdx_extent_words(unsigned int state)
{
	const struct piece piece = { .state = state };

	return piece_state(&piece);
}
