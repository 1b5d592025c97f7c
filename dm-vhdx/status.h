/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device tells about itself.
 *
 * INFO: <layers> <resident pages> <page limit> <page loads> <page evictions>
 *	 <deferred bios> <#flags> [<flag>...]
 *
 * Pages are 4 KiB of metadata, counted over all layers; a layer that other
 * devices share is counted in each. Flags: ro; direct, buffered or block: how
 * the child is read; dirty_log: the child's log is replayed in memory;
 * id_mismatch_ignored: a parent need not be the one that was meant.
 *
 * status.c APIs:
 *   vhdx_status()	dm's ->status
 */
#ifndef VHDX_STATUS_H
#define VHDX_STATUS_H

#include <linux/device-mapper.h>

void vhdx_status(struct dm_target *ti, status_type_t type, unsigned int flags,
		 char *result, unsigned int maxlen);

#endif /* VHDX_STATUS_H */
