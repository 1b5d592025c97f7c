/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a salvage lost: a table for people, a list in JSON, and a mapfile as
 * ddrescue writes it. Rows go out as they come, for a large disk has many.
 *
 * lost-list.c APIs:
 *   lost_list_check()	check that the mapfile can be made
 *   lost_list_begin()	begin, and make the mapfile
 *   lost_list_add()	add a range of the disk
 *   lost_list_end()	the last range, and the end of the mapfile
 *   lost_list_drop()	remove the mapfile: nothing was salvaged
 */
#ifndef LOST_LIST_H
#define LOST_LIST_H

#include "open.h"
#include "mend.h"
#include "progress.h"
#include "vhdxsetup.h"

/**
 * struct lost_list - what was lost so far
 * @json: print JSON
 * @limit: of rows of the table; 0 for none
 * @progress: taken off the terminal before a row is printed
 * @map: the mapfile, or NULL
 * @path: of the mapfile
 * @part: its name until it is whole, or NULL
 * @force: a file of that name is replaced
 * @size: bytes of the disk
 * @pos: the last range
 * @length: its bytes; 0 if there is none
 * @why: its reason
 * @layer: the image that it was in
 * @mapped: end of what the mapfile has
 * @count: ranges so far
 * @bytes: bytes so far
 */
struct lost_list {
	bool json;
	unsigned long limit;
	struct progress *progress;
	FILE *map;
	const char *path;
	char *part;
	bool force;
	u64 size;
	u64 pos;
	u64 length;
	enum vhdx_lost why;
	u32 layer;
	u64 mapped;
	u64 count;
	u64 bytes;
};

int lost_list_check(const struct options *options, const char *copy,
		    const struct disk *source);
int lost_list_begin(struct lost_list *list, const struct options *options,
		    u64 size, struct progress *progress);
void lost_list_add(struct lost_list *list, u64 pos, u64 length,
		   enum vhdx_lost why, u32 layer);
int lost_list_end(struct lost_list *list);
void lost_list_drop(struct lost_list *list);

#endif /* LOST_LIST_H */
