/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image that a salvage makes. It gets its name when it is whole, and before
 * that it is FILE.part.
 *
 * salvage-copy.c APIs:
 *   salvage_copy_check()	check that a file can be made
 *   salvage_copy_begin()	make it, empty
 *   salvage_copy_write()	write bytes of its disk
 *   salvage_copy_end()		complete it, and give it its name
 *   salvage_copy_drop()	remove it
 *   salvage_name()	give a file that is whole its name
 */
#ifndef SALVAGE_COPY_H
#define SALVAGE_COPY_H

#include <limits.h>

#include "writer.h"

/**
 * struct salvage_copy - an image that is made
 * @path: its name
 * @force: a file of that name is replaced
 * @part: its name meanwhile; empty while it is not there
 * @disk: the image, open
 * @writer: writes it
 * @begun: @writer is in use
 */
struct salvage_copy {
	const char *path;
	bool force;
	char part[PATH_MAX];
	struct disk *disk;
	struct writer writer;
	bool begun;
};

int salvage_copy_check(const struct salvage_copy *copy,
		       const struct disk *source);
int salvage_copy_begin(struct salvage_copy *copy,
		       const struct vhdx_params *params);
int salvage_copy_write(struct salvage_copy *copy, u64 pos, const void *buf,
		       u64 length);
int salvage_copy_end(struct salvage_copy *copy);
void salvage_copy_drop(struct salvage_copy *copy);
int salvage_name(const char *part, const char *path, bool force);

#endif /* SALVAGE_COPY_H */
