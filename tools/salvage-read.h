/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read the disk of a damaged image as far as it can be read, in order, and tell
 * what is there and what is lost.
 *
 * A read that fails is halved, down to single sectors, so that only the sectors
 * that the medium cannot read are lost.
 *
 * salvage-read.c APIs:
 *   salvage_read()	read a disk
 */
#ifndef SALVAGE_READ_H
#define SALVAGE_READ_H

#include "mend.h"
#include "open.h"
#include "progress.h"

/**
 * struct salvage_reader - a damaged disk that is read
 * @disk: the image on a mended store, and its parents
 * @mend: that store
 * @retries: how often a sector is read again
 * @progress: shown meanwhile
 * @data: takes bytes that were read
 * @lost: takes bytes that were not; @layer is the image that they were in, or
 *	the first one that is missing
 * @buf: 1 MiB
 * @hole_layer: the layer whose file was searched for data last
 * @hole_start: where that search began
 * @hole_end: the data that it found
 *
 * Bytes that were never written, and holes of a file, are given to neither.
 */
struct salvage_reader {
	struct disk *disk;
	const struct vhdx_mend *mend;
	unsigned long retries;
	struct progress *progress;
	int (*data)(struct salvage_reader *reader, u64 pos, const void *buf,
		    u64 length);
	int (*lost)(struct salvage_reader *reader, u64 pos, u64 length,
		    enum vhdx_lost why, u32 layer);
	u8 *buf;
	u32 hole_layer;
	u64 hole_start;
	u64 hole_end;
};

int salvage_read(struct salvage_reader *reader);

#endif /* SALVAGE_READ_H */
