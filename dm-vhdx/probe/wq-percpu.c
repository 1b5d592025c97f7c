// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.18: a workqueue is bound to CPUs because its flags say so, not for want of
 * another flag; one that says neither gets a warning. Stable kernels have the
 * flag as well.
 */
#include <linux/workqueue.h>

unsigned int vhdx_probe(void);
unsigned int vhdx_probe(void)
{
	return WQ_PERCPU;
}
