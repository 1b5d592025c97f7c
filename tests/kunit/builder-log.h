/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log entries for the images that builder.c makes.
 *
 * builder-log.c APIs:
 *   builder_log()		write an entry into the ring
 *   builder_log_seal()		mend an entry's checksum after a change
 *   builder_log_pos()		byte of the ring -> byte of the file
 * builder-log.h APIs:
 *   builder_log_byte()		what a data sector holds
 */
#ifndef VHDX_TEST_BUILDER_LOG_H
#define VHDX_TEST_BUILDER_LOG_H

#include "builder.h"

/**
 * struct builder_desc - a descriptor
 * @target: byte offset in the file that it changes
 * @zero: bytes to clear; 0 for a data descriptor
 * @seed: of the data, see builder_log_byte()
 * @is_zero: a zero descriptor, even if @zero is 0
 */
struct builder_desc {
	u64 target;
	u64 zero;
	u8 seed;
	bool is_zero;
};

/**
 * struct builder_entry - a log entry
 * @at: byte offset in the ring
 * @tail: likewise, of the oldest entry that was not applied
 * @sequence: its number
 * @descs: the descriptors
 * @count: how many
 * @flushed: flushed file offset
 * @last: last file offset
 * @guid_byte: the log GUID is this byte 16 times; 0: the header's one
 */
struct builder_entry {
	u32 at;
	u32 tail;
	u64 sequence;
	const struct builder_desc *descs;
	u32 count;
	u64 flushed;
	u64 last;
	u8 guid_byte;
};

u32 builder_log(struct builder *b, const struct builder_entry *entry);
void builder_log_seal(struct builder *b, u32 at);
u64 builder_log_pos(const struct builder *b, u64 at);

/**
 * builder_log_byte() - what a data sector holds
 * @seed: of its descriptor
 * @i: number of the byte, below 4096
 */
static inline u8 builder_log_byte(u8 seed, u32 i)
{
	return seed + 7 * i + (i >> 8);
}

#endif /* VHDX_TEST_BUILDER_LOG_H */
