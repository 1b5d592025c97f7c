// SPDX-License-Identifier: GPL-2.0-only
#include "parent.h"

static int parent_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	disk_read(&container_of(store, struct parent, store)->disk, pos, buf,
		  len);
	return 0;
}

static const struct vhdx_store_ops parent_ops = { .read = parent_read };

/**
 * parent_init() - no parent
 * @parent: what to set up
 */
void parent_init(struct parent *parent)
{
	memset(parent, 0, sizeof(*parent));
	parent->store.ops = &parent_ops;
	disk_init(&parent->disk, 0, false);
}

void parent_exit(struct parent *parent)
{
	disk_exit(&parent->disk);
	free(parent->present);
}

/**
 * parent_open() - the engine opens it
 * @parent: the parent
 * @pool_pages: pages of its BAT that may be in memory
 * @report: receives findings
 *
 * Return: the image, or an error pointer.
 */
struct vhdx_image *parent_open(struct parent *parent, unsigned long pool_pages,
			       struct vhdx_report *report)
{
	parent->store.size = parent->disk.size;
	return vhdx_image_open(&parent->store, pool_pages, report);
}

/**
 * parent_tag() - what a sector of its virtual disk shows
 * @parent: the parent
 * @sector: number of the sector; past the end are zeros
 *
 * Return: the tag.
 */
u32 parent_tag(const struct parent *parent, u64 sector)
{
	u64 pos = sector * SECTOR;

	if (pos >= parent->size || !parent->present[pos >> parent->block_shift])
		return TAG_ZERO;
	return TAG_PARENT + sector;
}
