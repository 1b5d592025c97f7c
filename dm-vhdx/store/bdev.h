/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block store: an image on a block device.
 *
 * It moves metadata, zeroes and discards by bios of its own. Data never comes
 * here: ->map points the bio at the device.
 *
 * bdev.c APIs:
 *   vhdx_bdev_init()		a device -> a store
 *   vhdx_bdev_start()		what it needs to be read and written
 *   vhdx_bdev_stop()
 */
#ifndef VHDX_STORE_BDEV_H
#define VHDX_STORE_BDEV_H

#include <linux/bio.h>

#include "../engine/store.h"

/**
 * struct vhdx_bdev - an image's bytes on a block device
 * @store: for the engine
 * @bdev: the device; the tables that use the store hold it open
 * @bios: its own
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
