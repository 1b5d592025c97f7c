/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A conversion of a disk image from one format to another. One of the two is VHDX.
 *
 * convert-plan.c APIs:
 *   convert_plan()	what is at the source, and what is wanted
 *   convert_plan_end()	close the source
 *   convert_keep()	what is read is not overwritten
 *   convert_size()	bytes of the disk that is wanted
 *   convert_new_vhdx()	make the image that is wanted, empty
 * convert-direct.c APIs:
 *   convert_direct()	between VHDX and raw, by our own threads
 * convert-other.c APIs:
 *   convert_other()	to and from other formats, over NBD
 */
#ifndef CONVERT_H
#define CONVERT_H

#include <sys/types.h>

#include "image-format.h"
#include "new-place.h"
#include "vhdxsetup.h"

/**
 * struct conversion - what is converted, and to what
 * @options: of the command line
 * @source: path of the source
 * @fd: the source, open for reading
 * @from: its format
 * @size: bytes of its disk
 * @sector: bytes of a logical sector of it
 * @physical_sector: the same of a physical one; 0 if nothing tells
 * @to: the format that is wanted
 * @place: where the destination is made
 * @begun: the destination is being overwritten; set by convert_direct()
 * @copied: bytes that were written; meaningful after convert_direct()
 */
struct conversion {
	const struct options *options;
	const char *source;
	int fd;
	enum image_format from;
	u64 size;
	u32 sector;
	u32 physical_sector;
	enum image_format to;
	struct new_place place;
	bool begun;
	u64 copied;
};

int convert_plan(struct conversion *conversion, const struct options *options,
		 char **args);
void convert_plan_end(struct conversion *conversion);
int convert_keep(const struct conversion *conversion, dev_t dev);
u64 convert_size(const struct conversion *conversion);
int convert_new_vhdx(const struct conversion *conversion);
int convert_direct(struct conversion *conversion);
int convert_other(struct conversion *conversion);

#endif /* CONVERT_H */
