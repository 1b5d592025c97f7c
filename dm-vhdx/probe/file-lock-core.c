// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.9: struct file_lock lost the fields that all kinds of locks share to
 * struct file_lock_core, and their prefix changed from fl_ to flc_.
 */
#include <linux/fs.h>
#include <linux/filelock.h>

unsigned int vhdx_probe(struct file_lock *lock);
unsigned int vhdx_probe(struct file_lock *lock)
{
	return lock->c.flc_flags;
}
