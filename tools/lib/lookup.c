// SPDX-License-Identifier: GPL-2.0-only
#include "lookup.h"

/**
 * lookup_run() - find where the start of a range lies
 * @chain: the images
 * @pos: byte offset on the disk, sector-aligned
 * @len: bytes, sector-aligned; ends inside the disk
 * @run: filled in
 *
 * Return: 0, -EUCLEAN if the image is damaged there, or an errno of the store.
 */
int lookup_run(const struct vhdx_chain *chain, u64 pos, u64 len,
	       struct vhdx_run *run)
{
	struct vhdx_miss miss;
	int err;

	while ((err = vhdx_chain_map(chain, pos, len, run, &miss)) == -EAGAIN) {
		err = vhdx_image_load(&miss);
		if (err)
			return err;
	}
	/* A lookup does no I/O, so its -EIO is a fault of the image. */
	return err == -EIO ? -EUCLEAN : err;
}
