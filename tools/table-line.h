/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's table line: <image> [<parent>...] [<#features> <feature>...]
 *
 * table-line.c APIs:
 *   table_line_build()	from a disk and the options
 *   table_line_parse()	back into words
 *   table_line_free()
 */
#ifndef TABLE_LINE_H
#define TABLE_LINE_H

#include "open.h"
#include "vhdxsetup.h"

/**
 * struct table_line - a line in words
 * @buffer: holds them
 * @words: unescaped: images first, then features
 * @images: how many of the words are images
 * @count: how many words, without the number of features
 */
struct table_line {
	char *buffer;
	char **words;
	unsigned int images;
	unsigned int count;
};

char *table_line_build(const struct disk *disk, const struct options *options);
int table_line_parse(const char *text, struct table_line *line);
void table_line_free(struct table_line *line);

#endif /* TABLE_LINE_H */
