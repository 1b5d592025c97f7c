/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's table line: <image> [<parent>...] [<#features> <feature>...]
 *
 * table-line.c APIs:
 *   table_line_build()	make a line from a disk and the options
 *   table_line_push()	prepend an image to a line
 *   table_line_change()	replace the first images of a line
 *   table_line_add()		append a feature to a line
 *   table_line_images()	find the images of a line
 *   table_line_is_of()	test whether an image is a file or device
 */
#ifndef TABLE_LINE_H
#define TABLE_LINE_H

#include <sys/stat.h>

#include "open.h"
#include "vhdxsetup.h"
#include "words.h"

char *table_line_build(const struct disk *disk, const struct options *options);
char *table_line_push(int fd, const char *text);
char *table_line_change(const int *fds, unsigned int count, const char *text,
			unsigned int images);
char *table_line_add(const char *text, const char *feature);
int table_line_images(const char *text, struct words *images);
bool table_line_is_of(const char *word, const struct stat *st);

#endif /* TABLE_LINE_H */
