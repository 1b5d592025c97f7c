// SPDX-License-Identifier: GPL-2.0-only
#include "handle.h"

/* Add what the image's structures own. */
static void take_regions(const struct vhdx_image *image, u64 size,
			 struct vhdx_space *space)
{
	const struct vhdx_regions *regions = &image->regions;
	u32 i;

	for (i = 0; i < regions->count; i++)
		if (regions->all[i].offset < size)
			vhdx_space_take(space, regions->all[i].offset,
					min(regions->all[i].length,
					    size - regions->all[i].offset));
}

static void learn(struct vhdx_check_result *result, const struct layer *layer,
		  const struct vhdx_census *census, struct vhdx_space *space)
{
	const struct vhdx_image *image = layer->image;
	u64 size = min(image->limits.file_size, image->store->size);
	u64 absent = census->payload[VHDX_BLOCK_NOT_PRESENT];

	take_regions(image, size, space);
	result->allocated = census->allocated;
	result->file_size = image->store->size;
	/* A block device cannot be made shorter. */
	result->unowned = layer->file.device ? 0 :
					       vhdx_space_unowned(space, size);
	result->absent = min(image->params.size,
			     absent << image->bat.block_shift);
}

static int check(struct vhdx_disk *handle, struct layer *layer,
		 struct vhdx_check_result *result)
{
	struct vhdx_census census = { 0 };
	struct vhdx_space space;
	int err = vhdx_space_init(&space);

	if (!err)
		err = vhdx_check_space(layer->image, &space, &census,
				       &handle->progress, &layer->report);
	if (!err)
		learn(result, layer, &census, &space);
	vhdx_space_exit(&space);
	result->errors = handle->counts[VHDX_ERROR];
	result->against_writing = handle->counts[VHDX_READONLY];
	result->warnings = handle->counts[VHDX_WARN];
	return err;
}

/**
 * vhdx_disk_check() - look for all that is wrong with an image
 * @handle: the handle, open
 * @layer: 0 for the image, 1 for its parent
 * @result: its struct_size is set; filled in as far as that goes
 *
 * Return: 0, also for a damaged image; or a negative errno, and @result has
 * counts only.
 */
int vhdx_disk_check(struct vhdx_disk *handle, uint32_t layer,
		    struct vhdx_check_result *result)
{
	struct vhdx_check_result all = { .struct_size = result->struct_size };
	int err = handle_begin(handle, HANDLE_OPEN);

	if (err)
		return err;
	if (layer >= handle->disk->depth) {
		msg_err("%s: %u images are open, and there is no layer %u",
			handle->disk->layer[0]->path, handle->disk->depth,
			layer);
		return handle_end(handle, -EINVAL);
	}
	err = check(handle, handle->disk->layer[layer], &all);
	memcpy(result, &all, min(result->struct_size, sizeof(all)));
	return handle_end(handle, err);
}
