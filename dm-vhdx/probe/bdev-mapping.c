// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.11: a block device names its page cache, no longer its inode.
 */
#include <linux/blkdev.h>

struct address_space *vhdx_probe(const struct block_device *bdev);
struct address_space *vhdx_probe(const struct block_device *bdev)
{
	return bdev->bd_mapping;
}
