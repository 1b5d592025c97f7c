// SPDX-License-Identifier: GPL-2.0-only
#include "builder-log.h"

/**
 * builder_log_pos() - byte of the ring -> byte of the file
 * @b: the image
 * @at: byte offset in the ring, and on past its end
 */
u64 builder_log_pos(const struct builder *b, u64 at)
{
	return b->log_offset + at % b->log_length;
}

/**
 * builder_log_seal() - mend an entry's checksum
 * @b: the image
 * @at: byte offset of the entry in the ring; its length field is believed
 */
void builder_log_seal(struct builder *b, u32 at)
{
	u64 head = builder_log_pos(b, at);
	u32 length = ram_store_get(b->ram, head + 8, 4);
	u8 *page = kmalloc(VHDX_PAGE, GFP_KERNEL);
	u32 crc = ~0U;
	u32 pos;

	if (!page) {
		b->ram->broken = -ENOMEM;
		return;
	}
	ram_store_put(b->ram, head + 4, 0, 4);
	for (pos = 0; pos < length; pos += VHDX_PAGE) {
		ram_store_peek(b->ram, builder_log_pos(b, (u64)at + pos), page,
			       VHDX_PAGE);
		crc = crc32c(crc, page, VHDX_PAGE);
	}
	ram_store_put(b->ram, head + 4, ~crc, 4);
	kfree(page);
}

/* One sector of data, apart from what its descriptor keeps. */
static void write_data(struct builder *b, u64 pos, u64 sequence, u8 seed)
{
	u32 i;

	ram_store_write(b->ram, pos, "data", 4);
	ram_store_put(b->ram, pos + 4, sequence >> 32, 4);
	for (i = 8; i < 4092; i++)
		ram_store_put(b->ram, pos + i, builder_log_byte(seed, i), 1);
	ram_store_put(b->ram, pos + 4092, sequence, 4);
}

static void write_desc(struct builder *b, u64 pos, u64 sequence,
		       const struct builder_desc *desc)
{
	u32 i;

	if (desc->zero || desc->is_zero) {
		ram_store_write(b->ram, pos, "zero", 4);
		ram_store_put(b->ram, pos + 4, 0, 4);
		ram_store_put(b->ram, pos + 8, desc->zero, 8);
	} else {
		ram_store_write(b->ram, pos, "desc", 4);
		for (i = 0; i < 4; i++)
			ram_store_put(b->ram, pos + 4 + i,
				      builder_log_byte(desc->seed, 4092 + i),
				      1);
		for (i = 0; i < 8; i++)
			ram_store_put(b->ram, pos + 8 + i,
				      builder_log_byte(desc->seed, i), 1);
	}
	ram_store_put(b->ram, pos + 16, desc->target, 8);
	ram_store_put(b->ram, pos + 24, sequence, 8);
}

static void write_head(struct builder *b, const struct builder_entry *entry,
		       u32 length)
{
	u64 pos = builder_log_pos(b, entry->at);
	guid_t guid = entry->guid_byte ? builder_guid(entry->guid_byte) :
					 b->log_guid;

	ram_store_write(b->ram, pos, "loge", 4);
	ram_store_put(b->ram, pos + 8, length, 4);
	ram_store_put(b->ram, pos + 12, entry->tail, 4);
	ram_store_put(b->ram, pos + 16, entry->sequence, 8);
	ram_store_put(b->ram, pos + 24, entry->count, 4);
	ram_store_put(b->ram, pos + 28, 0, 4);
	ram_store_write(b->ram, pos + 32, &guid, 16);
	ram_store_put(b->ram, pos + 48, entry->flushed, 8);
	ram_store_put(b->ram, pos + 56, entry->last, 8);
}

/**
 * builder_log() - write an entry into the ring
 * @b: the image
 * @entry: what to write; may wrap past the end of the log
 *
 * Return: bytes that it takes.
 */
u32 builder_log(struct builder *b, const struct builder_entry *entry)
{
	u32 data = ALIGN(64 + 32 * entry->count, 4096U);
	u32 i;

	for (i = 0; i < entry->count; i++) {
		const struct builder_desc *desc = &entry->descs[i];

		write_desc(b, builder_log_pos(b, entry->at + 64ULL + 32 * i),
			   entry->sequence, desc);
		if (desc->zero || desc->is_zero)
			continue;
		write_data(b, builder_log_pos(b, (u64)entry->at + data),
			   entry->sequence, desc->seed);
		data += 4096;
	}
	write_head(b, entry, data);
	builder_log_seal(b, entry->at);
	return data;
}
