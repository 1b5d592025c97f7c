/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's table line: <image> [<parent>...] [<#features> <feature>...]
 *
 * table-line.c APIs:
 *   table_line_build()	from a disk and the options
 *   table_line_push()	a line with one more image in front
 *   table_line_images()	the images of one
 *   table_line_is_of()		is an image this file?
 */
#ifndef TABLE_LINE_H
#define TABLE_LINE_H

#include <sys/stat.h>

#include "open.h"
#include "vhdxsetup.h"
#include "words.h"

char *table_line_build(const struct disk *disk, const struct options *options);
char *table_line_push(int fd, const char *text);
int table_line_images(const char *text, struct words *images);
bool table_line_is_of(const char *word, const struct stat *st);

#endif /* TABLE_LINE_H */
