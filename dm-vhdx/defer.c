// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bio that cannot be mapped yet needs a page of metadata, or the committer.
 */
#include <linux/bio.h>
#include <linux/delay.h>

#include "defer.h"
#include "device.h"
#include "load.h"
#include "scope.h"

/**
 * vhdx_defer_load() - load the metadata that a lookup missed
 * @miss: what the lookup returned
 *
 * Context: a worker, in a scope; may sleep.
 * Return: 0 if the caller must repeat the lookup, also after -ENOMEM and a
 * pause; or another negative errno.
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
 * @io: I/O of dm's clone, in no epoch and prepared by vhdx_provision_prepare()
 * @err: error of the lookup: vhdx_committer_takes() tells which ones send the
 *	bio to the committer; any other error ends it
 *
 * Context: any.
 */
void vhdx_defer(struct vhdx_io *io, int err)
{
	if (vhdx_committer_takes(err))
		vhdx_committer_defer(io->target->committer, io->bio, err);
	else
		bio_io_error(io->bio);
}
