/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status of a device, and its table as dm prints it.
 *
 * INFO: <mode> <layers> <resident pages> <page limit> <page loads>
 *	 <page evictions> <deferred bios> <blocks allocated> <blocks freed>
 *	 <commits> <#flags> [<flag>...]
 *
 * The mode is rw or ro. Pages are 4 KiB of metadata in all layers; a layer that
 * devices share counts for each of them. Flags:
 *
 *	direct, buffered, block	I/O to the child's file or device
 *	dirty_log		the child's log is replayed in memory
 *	live			a session is live
 *	no_space		writes wait for room
 *	no_space_failing	writes fail for lack of room
 *	id_mismatch_ignored	the identity of parents was not checked
 *	fault=<sentence>	why the mode became ro, escaped as in a table
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
