// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"

/* In a sparse image, zeros take no space at the new place. */
static int put_zeros(const struct vhdx_image *image, u64 pos, u64 len)
{
	struct vhdx_store *store = image->store;

	if (image->params.leave_allocated)
		return vhdx_store_answer(store->ops->zero(store, pos, len));
	return vhdx_store_clear(store, pos, len);
}

/**
 * vhdx_copy_range() - read a range of the file, and put it elsewhere
 * @image: the image
 * @from: byte offset in the file
 * @to: byte offset in the file of the new place, which does not overlap the old
 *	one, and which nobody owns
 * @data: memory for @len bytes, see struct vhdx_store_ops
 * @len: bytes, a multiple of VHDX_COPY_PIECE
 *
 * A later flush of the store makes the copy durable.
 *
 * Context: may sleep; no lock held.
 * Return: 0 or an errno of the store.
 */
int vhdx_copy_range(const struct vhdx_image *image, u64 from, u64 to,
		    void *data, u64 len)
{
	const u8 *bytes = data;
	u64 at = 0, end;
	int r = vhdx_store_read(image->store, from, data, len);

	for (; at < len && !r; at = end) {
		bool zero = vhdx_zeros(bytes + at, VHDX_COPY_PIECE);

		for (end = at + VHDX_COPY_PIECE; end < len;
		     end += VHDX_COPY_PIECE)
			if (vhdx_zeros(bytes + end, VHDX_COPY_PIECE) != zero)
				break;
		r = zero ? put_zeros(image, to + at, end - at) :
			   vhdx_store_write(image->store, to + at, bytes + at,
					    end - at);
	}
	return r;
}
