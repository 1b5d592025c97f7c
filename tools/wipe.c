// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <errno.h>

#include "wipe.h"

/* More than there can be on one device, unless what is wiped stays. */
#define SIGNATURES_MAX	1000

/* Each file system, RAID member and partition table, damaged ones included. */
static void look_for_all(blkid_probe probe)
{
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_MAGIC |
					  BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe, 1);
	/* The copy at the end counts where the first one is gone. */
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC |
					 BLKID_PARTS_FORCE_GPT);
}

static int wipe_probed(blkid_probe probe)
{
	int count, r;

	for (count = 0; count < SIGNATURES_MAX; count++) {
		errno = 0;
		r = blkid_do_probe(probe);
		if (r > 0)
			return 0;
		if (!r)
			r = blkid_do_wipe(probe, 0);
		if (r)
			return errno ? -errno : -EIO;
	}
	return -EIO;
}

/**
 * wipe_signatures() - wipe all signatures that libblkid knows off a device
 * @fd: the device, open for writing
 *
 * What an image does not overwrite would otherwise go on to tell others that
 * the device is a RAID member, or has partitions: at its end, above all.
 *
 * Return: 0 or a negative errno.
 */
int wipe_signatures(int fd)
{
	blkid_probe probe = blkid_new_probe();
	int err;

	if (!probe)
		return -ENOMEM;
	errno = 0;
	if (blkid_probe_set_device(probe, fd, 0, 0)) {
		err = errno ? -errno : -EIO;
	} else {
		look_for_all(probe);
		err = wipe_probed(probe);
	}
	blkid_free_probe(probe);
	return err;
}
