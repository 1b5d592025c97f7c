// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: writes to existing blocks that find no room.
 *
 * A copy-on-write file system needs room for such a write, as does any file
 * system if another file shares the extents.
 */
#include <linux/device-mapper.h>
#include <linux/jiffies.h>

#include "../patience.h"
#include "file.h"

#define DM_MSG_PREFIX "vhdx"

/**
 * vhdx_file_waits_for_room() - should a failed write wait for room?
 * @io: the write, with @result set
 *
 * Such a write waits like one to a new block: until the timeout of the table,
 * or until a suspend waits for all bios.
 *
 * Context: any.
 * Return: true if the caller must retry it after a pause; false if it failed
 * for another reason, or has waited for long enough.
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
