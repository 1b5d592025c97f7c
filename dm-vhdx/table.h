/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table line:
 *
 *	<start> <len> vhdx <image> [<parent>...] [<#features> <feature>...]
 *
 * The first argument that is all digits is the number of feature arguments; an
 * image whose name is a number is written "./7".
 *
 * White space and backslashes in names are written in octal, \040 and \134, as
 * in /proc/mounts. dm has an escape of its own, a backslash before a character,
 * but libdm doubles each backslash on the way to the kernel, so that dmsetup
 * cannot write it; by the same token it passes octal on as it is. Whoever calls
 * the ioctl without libdm must double them too.
 *
 * table.c APIs:
 *   vhdx_table_parse()		arguments -> images and options
 *
 * A new feature needs a member of struct vhdx_options, a case in parse_feature()
 * or find_flag() in table.c, and a line in emit_table() in status.c, which writes
 * the features back. Documentation/vhdx.rst describes them.
 */
#ifndef VHDX_TABLE_H
#define VHDX_TABLE_H

#include <linux/types.h>

struct vhdx_reason;

/**
 * struct vhdx_options - the features of a table
 * @bat_cache: KiB of metadata pages for each image, 0 for the default
 * @ignore_id_mismatch: only warn of a parent that has changed
 * @buffered: read files through the page cache even if direct I/O works
 * @read_only: refuse writes, although the table is loaded for writing
 * @no_space_timeout: seconds that a write waits for room, 0 for ever
 * @no_space_given: the table has @no_space_timeout
 * @no_discard: refuse discards and writes of zeroes
 * @discard_granularity: discard granularity in bytes; 0 for the default
 * @grow: grow the virtual disk to the table's length when the table becomes live
 */
struct vhdx_options {
	unsigned int bat_cache;
	bool ignore_id_mismatch;
	bool buffered;
	bool read_only;
	unsigned int no_space_timeout;
	bool no_space_given;
	bool no_discard;
	unsigned int discard_granularity;
	bool grow;
};

/**
 * struct vhdx_table - a parsed line
 * @images: names of the images, child first; they point into the arguments
 * @count: number of images, at least 1
 * @options: the features
 */
struct vhdx_table {
	char **images;
	unsigned int count;
	struct vhdx_options options;
};

int vhdx_table_parse(unsigned int argc, char **argv, struct vhdx_table *table,
		     struct vhdx_reason *reason);

#endif /* VHDX_TABLE_H */
