// SPDX-License-Identifier: GPL-2.0-only
#include "recover.h"

/* A new FileWriteGuid precedes any other write to the file. */
static int announce_replay(struct vhdx_image *image)
{
	struct vhdx_header next = *vhdx_header_current(&image->headers);

	guid_gen(&next.file_write_guid);
	return vhdx_headers_replace(image->store, &image->headers, &next,
				    image->report);
}

/*
 * Extend the file, so that blocks whose extension was lost are inside it again.
 * The length comes from the log alone, which may be hostile, so this allocates
 * no space.
 */
static int lengthen_file(struct vhdx_image *image)
{
	u64 size = image->limits.file_size;
	int r;

	if (size <= image->store->size)
		return 0;
	r = vhdx_store_answer(image->store->ops->lengthen(image->store, size));
	if (r == -ENOSPC)
		return vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				   "cannot be replayed: the file must grow to 0x%llx bytes, and there is no room",
				   size);
	if (r)
		return vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				   "cannot be replayed: the file cannot grow to 0x%llx bytes: %s (%d)",
				   size, vhdx_errno_words(r), -r);
	return 0;
}

/*
 * Return the bytes of a patch that must be written. No structure can be past
 * the end of the file. The extension, from byte @had on, is zeros already, so
 * zeros there are not written: a hostile log must not allocate space.
 */
static u64 length_needed(const struct vhdx_image *image,
			 const struct vhdx_patch *patch, u64 had)
{
	u64 size = ALIGN(patch->source ? image->limits.file_size : had,
			 (u64)VHDX_PAGE);

	if (patch->target >= size)
		return 0;
	return min(patch->length, size - patch->target);
}

static int put_patch(struct vhdx_image *image, const struct vhdx_patch *patch,
		     u64 had, void *page)
{
	u64 length = length_needed(image, patch, had);
	struct vhdx_store *store = image->store;
	int r;

	if (!length)
		return 0;
	if (!patch->source)
		return vhdx_store_answer(store->ops->zero(store, patch->target,
							  length));
	r = vhdx_replay_fetch(patch, store, page);
	return r ? r : vhdx_store_write(store, patch->target, page, VHDX_PAGE);
}

/* The file was @had bytes long before it was extended. */
static int put_patches(struct vhdx_image *image, u64 had)
{
	const struct vhdx_replay *replay = &image->replay;
	void *page = kmalloc(VHDX_PAGE, GFP_NOIO);
	int r = 0;
	u32 i;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < replay->count && !r; i++) {
		r = put_patch(image, &replay->patches[i], had, page);
		if (r)
			vhdx_refuse(image->report, r, vhdx_image_log_place(image),
				    "cannot be replayed: the change at 0x%llx failed: %s (%d)",
				    replay->patches[i].target,
				    vhdx_errno_words(r), -r);
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
				   "cannot be replayed: what it held cannot be made durable: %s (%d)",
				   vhdx_errno_words(r), -r);
	next.log_guid = (guid_t){};
	return vhdx_headers_replace(image->store, &image->headers, &next,
				    image->report);
}

static int replay_on_disk(struct vhdx_image *image)
{
	u64 had = image->store->size;
	int r;

	if (!image->store->ops->write)
		return -EROFS;
	r = announce_replay(image);
	if (!r)
		r = lengthen_file(image);
	if (!r)
		r = put_patches(image, had);
	if (!r)
		r = empty_log(image);
	return r;
}

/**
 * vhdx_image_recover() - replay the log on disk, and empty it
 * @image: an open image, clean or dirty, over a writable store
 *
 * The headers get a new FileWriteGuid before anything else changes, and lose
 * the LogGuid when all changes are durable. DataWriteGuid stays: the contents
 * of the virtual disk do not change, so children of the image remain its
 * children. After a crash at any point, the image can be recovered again.
 *
 * Context: may sleep; does not start I/O to get memory. Nobody else uses the
 * image meanwhile, not even for lookups.
 * Return: 0 if the log is empty now; -EROFS if the store cannot be written; or
 * another errno after a finding, and the image can be read as before.
 * Source: [MS-VHDX] 2.2.2.1, 2.3.3.
 */
int vhdx_image_recover(struct vhdx_image *image)
{
	int r = 0;

	if (vhdx_header_dirty(vhdx_header_current(&image->headers)))
		r = replay_on_disk(image);
	if (r)
		return r;
	/* An earlier attempt may have failed at the last header only. */
	vhdx_replay_free(&image->replay);
	vhdx_log_free(&image->log);
	image->limits.file_size = min(image->store->size, VHDX_FILE_SIZE_MAX);
	return 0;
}
