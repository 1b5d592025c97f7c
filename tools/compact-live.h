/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compaction of an image while a device of it is in use. The module moves one block
 * for each message, see Documentation/vhdx.rst; so to stop is to send no more.
 *
 * compact-live.c APIs:
 *   compact_live()	have blocks of a device move down, and its file get short
 */
#ifndef COMPACT_LIVE_H
#define COMPACT_LIVE_H

#include "dmdev.h"
#include "vhdxsetup.h"

/**
 * struct compacted - what a compaction of a device has come to
 * @image: path of the image, for free(); NULL before it is known
 * @device: the image is on a block device, which keeps its length
 * @from: bytes of the file before; on a block device, what was used of it
 * @to: the same now, or as it would be
 * @blocks: blocks that moved, or would
 * @bytes: of those
 * @nsecs: for so long I/O was held back in the end
 * @stopped: a signal has ended it before all was done
 * @full: there was no hole, or no room, for a block that was to move
 */
struct compacted {
	char *image;
	bool device;
	u64 from;
	u64 to;
	u64 blocks;
	u64 bytes;
	u64 nsecs;
	bool stopped;
	bool full;
};

int compact_live(const struct options *options, struct dmdev *dev,
		 struct compacted *done);

#endif /* COMPACT_LIVE_H */
