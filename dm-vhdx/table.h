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
 * status.c writes it back.
 */
#ifndef VHDX_TABLE_H
#define VHDX_TABLE_H

#include <linux/types.h>

struct vhdx_reason;

/**
 * struct vhdx_options - what the features say
 * @bat_cache: KiB of metadata pages for each image, 0 for the default
 * @ignore_id_mismatch: a parent that changed is a warning
 * @buffered: a file is read through the page cache even if it need not be
 * @read_only: nothing is written, although the table is loaded for writing
 * @no_space_timeout: seconds that a write waits for room, 0 for ever
 * @no_space_given: that was said
 * @no_discard: neither discards nor zeroes without data are taken
 * @discard_granularity: bytes; smaller parts of the disk keep their space; 0 for
 *	the default
 * @grow: the virtual disk grows to the table's length when the table becomes live
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
 * @images: names as given, child first; they point into the arguments
 * @count: how many, at least 1
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
