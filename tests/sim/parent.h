/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parent of an image: a disk that nobody writes.
 *
 * parent.c APIs:
 *   parent_init()	no parent
 *   parent_exit()
 *   parent_open()	the engine opens it
 *   parent_tag()	what a sector of its virtual disk shows
 */
#ifndef SIM_PARENT_H
#define SIM_PARENT_H

#include "disk.h"
#include "image.h"

/* Payload of the parent has tags from here on: this plus the sector. */
#define TAG_PARENT 0x40000000U

/**
 * struct parent - an image that is only read
 * @store: the disk, for the engine
 * @disk: what the file holds
 * @size: bytes of the virtual disk; 0: there is no parent
 * @block_shift: log2 of its block size
 * @present: of each block, whether it is present
 */
struct parent {
	struct vhdx_store store;
	struct disk disk;
	u64 size;
	u32 block_shift;
	bool *present;
};

void parent_init(struct parent *parent);
void parent_exit(struct parent *parent);
struct vhdx_image *parent_open(struct parent *parent, unsigned long pool_pages,
			       struct vhdx_report *report);
u32 parent_tag(const struct parent *parent, u64 sector);

#endif /* SIM_PARENT_H */
