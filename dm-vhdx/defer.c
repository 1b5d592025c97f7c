// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a bio cannot go on without.
 */
#include <linux/bio.h>
#include <linux/delay.h>

#include "defer.h"
#include "device.h"
#include "load.h"
#include "scope.h"

/**
 * vhdx_defer_load() - bring in what a lookup missed
 * @miss: what that is
 *
 * Context: a worker, in a scope; may sleep.
 * Return: 0 if the lookup should be tried again, or a negative errno.
 */
int vhdx_defer_load(const struct vhdx_miss *miss)
{
	int err = vhdx_load(miss);

	if (err != -ENOMEM)
		return err;
	msleep(VHDX_RETRY_MS);
	return 0;
}

/**
 * vhdx_defer() - hand a bio to the committer, or end it
 * @io: of dm's clone, in no epoch, and prepared to go on
 * @err: of the lookup: -EBUSY, -EINPROGRESS and -ENOSPC are the committer's, any
 *	other one ends the bio
 *
 * Context: any.
 */
void vhdx_defer(struct vhdx_io *io, int err)
{
	if (err == -EBUSY || err == -EINPROGRESS || err == -ENOSPC)
		vhdx_committer_defer(io->target->committer, io->bio, err);
	else
		bio_io_error(io->bio);
}
