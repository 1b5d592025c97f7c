// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image in a file: room for blocks that are there.
 *
 * A file system that copies on write wants room for these, too, as does any where
 * another file has a share in them.
 */
#include <linux/device-mapper.h>
#include <linux/jiffies.h>

#include "../patience.h"
#include "file.h"

#define DM_MSG_PREFIX "vhdx"

/**
 * vhdx_file_waits_for_room() - is a write to be tried again when there is room?
 * @io: that has failed, its @result says how
 *
 * It waits as one to a new block does: until the time is up that the table gives,
 * or until a suspend waits for all bios.
 *
 * Context: any.
 * Return: false if it failed for another reason, or has waited for long enough.
 */
bool vhdx_file_waits_for_room(struct vhdx_file_io *io)
{
	const struct vhdx_patience *patience = io->file->patience;
	unsigned long timeout;

	if (!vhdx_store_no_room(io->result))
		return false;
	timeout = READ_ONCE(patience->timeout);
	if (!io->lacking) {
		DMWARN_LIMIT("no room for a write to a block that is there: it waits for some");
		io->lacking = true;
		io->since = jiffies;
	}
	return !READ_ONCE(patience->suspend) &&
	       (!timeout || time_before(jiffies, io->since + timeout * HZ));
}
