/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is inside a device: partitions and what each of them holds, or what the
 * device holds as a whole; as libblkid finds it.
 *
 * inside.c APIs:
 *   inside_look()	look at a device
 *   inside_free()
 *   inside_last()	the partition that ends last
 *   inside_words()	name a part in words
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "disk-needs.h"

/* Bytes for the words of inside_words(). */
#define INSIDE_WORDS	96

/**
 * struct inside_part - a partition, or all of a device without partitions
 * @number: of the partition; 0 for all of the device
 * @start: byte offset on the device
 * @length: bytes
 * @extended: it holds other partitions of an MBR
 * @recovery: Windows keeps its rescue system there
 * @type: what it holds, as libblkid names it; "" for nothing known, "?" for what
 *	could be several things
 * @uuid: of the file system, as libblkid prints it; may be empty
 */
struct inside_part {
	unsigned int number;
	u64 start;
	u64 length;
	bool extended;
	bool recovery;
	char type[32];
	char uuid[64];
};

/**
 * struct inside - what is inside a device
 * @size: bytes of the device
 * @sector: bytes of a logical sector
 * @table: its partition table
 * @part: the partitions, or one part for all of the device
 * @count: how many
 */
struct inside {
	u64 size;
	u32 sector;
	enum disk_table table;
	struct inside_part *part;
	unsigned int count;
};

int inside_look(const char *path, struct inside *inside);
void inside_free(struct inside *inside);
const struct inside_part *inside_last(const struct inside *inside);
const char *inside_words(const struct inside_part *part,
			 char words[INSIDE_WORDS]);

#endif /* INSIDE_H */
