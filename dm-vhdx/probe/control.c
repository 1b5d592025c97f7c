// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control: compiles wherever probes can be compiled at all. Without it, wrong
 * flags would look like a kernel that has nothing.
 */
#include <linux/fs.h>
#include <linux/shrinker.h>

struct file *vhdx_probe(struct file *filp);
struct file *vhdx_probe(struct file *filp)
{
	return filp;
}
