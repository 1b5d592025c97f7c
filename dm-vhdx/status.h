/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device tells about itself.
 *
 * INFO: <mode> <layers> <resident pages> <page limit> <page loads>
 *	 <page evictions> <deferred bios> <blocks allocated> <blocks freed>
 *	 <commits> <#flags> [<flag>...]
 *
 * The mode is rw or ro. Pages are 4 KiB of metadata, counted over all
 * layers; a layer that other devices share is counted in each. Flags: direct,
 * buffered or block: how the child is reached; dirty_log: the child's log is
 * replayed in memory; live: the image's log is in use; no_space: writes wait for
 * room; no_space_failing: or fail; id_mismatch_ignored: a parent need not be the
 * one that was meant; fault=<sentence>: why it is not rw any more, escaped as in
 * a table.
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
