// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.3: struct file_lock moved from <linux/fs.h> to a header of its own.
 */
#include <linux/fs.h>
#include <linux/filelock.h>

struct file_lock *vhdx_probe(void);
struct file_lock *vhdx_probe(void)
{
	return locks_alloc_lock();
}
