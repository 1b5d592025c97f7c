// SPDX-License-Identifier: GPL-2.0-only
#include <blkid/blkid.h>
#include <errno.h>

#include "wipe.h"

/* A device cannot have so many signatures, unless wiping them fails. */
#define SIGNATURES_MAX	1000

/* Find each file system, RAID member and partition table, also damaged ones. */
static void look_for_all(blkid_probe probe)
{
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_MAGIC |
					  BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe, 1);
	/*
	 * If the first copy of a GPT is gone, libblkid uses the one at the end.
	 */
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
 * wipe_signatures() - wipe all signatures that libblkid finds off a device
 * @fd: the device, open for writing
 *
 * Signatures that an image does not overwrite, as those at the end of the
 * device, would still tell that it is a RAID member or has partitions.
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
