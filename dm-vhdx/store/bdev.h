/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block store: an image on a block device.
 *
 * The store reads and writes metadata, zeroes and discards by bios of its own.
 * Data does not pass through it: ->map remaps bios to the device.
 *
 * bdev.c APIs:
 *   vhdx_bdev_init()		make a store of a device, not yet usable
 *   vhdx_bdev_start()		make the store usable
 *   vhdx_bdev_stop()
 */
#ifndef VHDX_STORE_BDEV_H
#define VHDX_STORE_BDEV_H

#include <linux/bio.h>

#include "../engine/store.h"

/**
 * struct vhdx_bdev - an image's bytes on a block device
 * @store: the store, as the engine sees it
 * @bdev: the device; the tables that use the store hold it open
 * @bios: reserve of bios for metadata, zeroing and discarding
 */
struct vhdx_bdev {
	struct vhdx_store store;
	struct block_device *bdev;
	struct bio_set bios;
};

void vhdx_bdev_init(struct vhdx_bdev *store, struct block_device *bdev);
int vhdx_bdev_start(struct vhdx_bdev *store);
void vhdx_bdev_stop(struct vhdx_bdev *store);

#endif /* VHDX_STORE_BDEV_H */
