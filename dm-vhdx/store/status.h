/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conversion of store errors to the status of a bio.
 *
 * status.h APIs:
 *   vhdx_blk_status()		errno of a store -> status of a bio
 */
#ifndef VHDX_STORE_STATUS_H
#define VHDX_STORE_STATUS_H

#include <linux/blkdev.h>

#include "../engine/store.h"

/**
 * vhdx_blk_status() - convert an errno of a store to the status of a bio
 * @err: 0 or a negative errno of the store
 *
 * An exceeded quota becomes BLK_STS_NOSPC, as a full disk does;
 * errno_to_blk_status() would make it an I/O error.
 *
 * Context: any.
 * Return: BLK_STS_*.
 */
static inline blk_status_t vhdx_blk_status(int err)
{
	return vhdx_store_no_room(err) ? BLK_STS_NOSPC :
					 errno_to_blk_status(err);
}

#endif /* VHDX_STORE_STATUS_H */
