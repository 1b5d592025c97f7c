/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's environment: the only engine file that differs between the
 * kernel and userspace.
 *
 * The engine uses the kernel's names. The module gets them from the kernel's
 * headers. Userspace gets them from tools/lib/kernel-shim.h, which gives the
 * same names their plain C meaning: there is one thread, so locks and RCU do
 * nothing.
 */
#ifndef VHDX_ENV_H
#define VHDX_ENV_H

#ifdef __KERNEL__
#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uuid.h>
#else
#include "kernel-shim.h"
#endif

#endif /* VHDX_ENV_H */
