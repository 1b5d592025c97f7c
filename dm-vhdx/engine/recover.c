// SPDX-License-Identifier: GPL-2.0-only
#include "recover.h"

/* The file as a whole has a new state as soon as one byte of it is written. */
static int announce(struct vhdx_image *image)
{
	struct vhdx_header next = *vhdx_header_current(&image->headers);

	guid_gen(&next.file_write_guid);
	return vhdx_headers_replace(image->store, &image->headers, &next,
				    image->report);
}

/* So that blocks whose extension of the file was lost are inside it again. */
static int extend(struct vhdx_image *image)
{
	u64 size = image->replay.file_size;
	int r;

	if (size <= image->store->size)
		return 0;
	r = image->store->ops->extend(image->store, size);
	if (r == -ENOSPC)
		return vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				   "cannot be replayed: the file must grow to 0x%llx bytes, and there is no room",
				   size);
	if (r)
		return vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				   "cannot be replayed: the file cannot grow to 0x%llx bytes (error %d)",
				   size, -r);
	return 0;
}

static int put_patch(struct vhdx_store *store, const struct vhdx_patch *patch,
		     void *page)
{
	int r;

	if (!patch->source)
		return store->ops->zero(store, patch->target, patch->length);
	r = vhdx_replay_fetch(patch, store, page);
	return r ? r : vhdx_store_write(store, patch->target, page, VHDX_PAGE);
}

/*
 * One descriptor can zero the whole file, and a log hold tens of thousands of
 * them. No writer has reason to zero more than what there is; by how much the
 * log makes the file longer does not count, for that is zeros already.
 */
static int check_zeros(struct vhdx_image *image)
{
	const struct vhdx_replay *replay = &image->replay;
	u64 left = max(image->store->size, VHDX_LOG_LENGTH_MAX);
	u32 i;

	for (i = 0; i < replay->count; i++) {
		const struct vhdx_patch *patch = &replay->patches[i];

		if (patch->source)
			continue;
		if (patch->length > left)
			return vhdx_refuse(image->report, -EUCLEAN,
					   vhdx_image_log_place(image),
					   "zeroes more bytes than the file has; it can only be replayed in memory");
		left -= patch->length;
	}
	return 0;
}

/* In the order of the log, so the last change of a page is what stays. */
static int put_patches(struct vhdx_image *image)
{
	const struct vhdx_replay *replay = &image->replay;
	void *page = kmalloc(VHDX_PAGE, GFP_NOIO);
	int r = 0;
	u32 i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < replay->count && !r; i++) {
		r = put_patch(image->store, &replay->patches[i], page);
		if (r)
			vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				    "cannot be replayed: the change at 0x%llx failed (error %d)",
				    replay->patches[i].target, -r);
		cond_resched();
	}
	kfree(page);
	return r;
}

static int empty_log(struct vhdx_image *image)
{
	struct vhdx_header next = *vhdx_header_current(&image->headers);
	int r = vhdx_store_flush(image->store);

	if (r)
		return vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				   "cannot be replayed: what it held cannot be made durable (error %d)",
				   -r);
	next.log_guid = (guid_t){};
	return vhdx_headers_replace(image->store, &image->headers, &next,
				    image->report);
}

static int replay_on_disk(struct vhdx_image *image)
{
	int r;

	if (!image->store->ops->write)
		return -EROFS;
	r = check_zeros(image);
	if (!r)
		r = announce(image);
	if (!r)
		r = extend(image);
	if (!r)
		r = put_patches(image);
	if (!r)
		r = empty_log(image);
	return r;
}

/**
 * vhdx_image_recover() - put in place what the log holds, and empty it
 * @image: an open image, over a store that can be written; clean or dirty
 *
 * The headers get a new FileWriteGuid before anything else changes, and lose
 * the LogGuid when all that was changed is durable. DataWriteGuid stays: the
 * virtual disk is what it was, so children of the image remain its children.
 * A crash anywhere on the way leaves an image that can be recovered again.
 *
 * Context: may sleep; does not start I/O to get memory. Nobody else uses the
 * image meanwhile, not even to look something up.
 * Return: 0, with the log empty or if it was; -EROFS if the store cannot be
 * written; or another errno after a finding. The image stays as good for
 * reading as it was.
 * Source: [MS-VHDX] 2.2.2.1, 2.3.3.
 */
int vhdx_image_recover(struct vhdx_image *image)
{
	int r = 0;

	if (vhdx_header_dirty(vhdx_header_current(&image->headers)))
		r = replay_on_disk(image);
	if (r)
		return r;
	/* Or by an attempt before, of which only the last header failed. */
	vhdx_replay_free(&image->replay);
	vhdx_log_free(&image->log);
	image->limits.file_size = min(image->store->size, VHDX_FILE_SIZE_MAX);
	return 0;
}
