// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.17: a disk says apart how much it zeroes with one command that may unmap.
 */
#include <linux/blkdev.h>

unsigned int vhdx_probe(struct queue_limits *limits);
unsigned int vhdx_probe(struct queue_limits *limits)
{
	return limits->max_hw_wzeroes_unmap_sectors;
}
