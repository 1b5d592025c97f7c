/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts small VHDX images together in a RAM store, for the suites.
 *
 * A test sets the knobs of struct builder, calls builder_write(), adds blocks,
 * changes what it wants to see refused, and mends the checksums, so that one
 * thing alone is wrong with the image. The arithmetic here is written down
 * from the specification once more, the slow and plain way: a mistake in the
 * engine is not repeated.
 *
 * builder.c APIs:
 *   builder_init()		default knobs: 64 MiB, dynamic, 1 MiB blocks
 *   builder_guid()		a GUID of one repeated byte
 *   builder_write()		everything but blocks
 *   builder_write_header()	one copy of the header
 *   builder_seal_header()	mend a header's checksum
 *   builder_seal_regions()	mend a region table's checksum
 *   builder_region()		where a region table entry is
 *   builder_item()		where a metadata table entry is
 *   builder_add_item()		add a metadata item of no known GUID
 *   builder_locator()		write a parent locator
 *   builder_locator_bytes()	the same, into a buffer
 *   builder_parent()		make the image a child, with a usual locator
 *   builder_alloc()		space at the end of the file
 *   builder_entry()		set a payload block's BAT entry
 *   builder_block()		give a payload block space
 *   builder_bitmap()		give a chunk a sector bitmap
 *   builder_present()		set bits in a sector bitmap
 *   builder_fill()		set bytes
 *   builder_bitmap_index()	chunk -> its entry
 *   builder_payload_index()	block -> its entry
 */
#ifndef VHDX_TEST_BUILDER_H
#define VHDX_TEST_BUILDER_H

#include "ramstore.h"

/* Where builder_write() puts the items, from the start of the region. */
#define BUILDER_PARAMS		0x10000U
#define BUILDER_SIZE		0x10008U
#define BUILDER_ID		0x10010U
#define BUILDER_LOGICAL		0x10020U
#define BUILDER_PHYSICAL	0x10024U
#define BUILDER_LOCATOR		0x11000U

/* Their entries in the metadata table, and those of the region table. */
enum builder_item {
	BUILDER_ITEM_PARAMS,
	BUILDER_ITEM_SIZE,
	BUILDER_ITEM_ID,
	BUILDER_ITEM_LOGICAL,
	BUILDER_ITEM_PHYSICAL,
	BUILDER_ITEM_LOCATOR,
};

enum builder_region {
	BUILDER_REGION_BAT,
	BUILDER_REGION_METADATA,
};

/**
 * struct builder - an image under construction
 * @ram: where it goes
 * @size: bytes of the virtual disk
 * @block_size: bytes
 * @logical_sector: bytes
 * @physical_sector: bytes
 * @param_flags: of the file parameters
 * @log_offset: byte offset in the file
 * @log_length: bytes
 * @metadata_offset: byte offset in the file
 * @metadata_length: bytes
 * @bat_offset: byte offset in the file
 * @bat_length: bytes
 * @sequence: of the first header; the second one, the current, has the next
 * @data_write_guid: what a child must name
 * @log_guid: null for a clean image
 * @version: of the format, in both headers
 * @log_version: likewise
 * @end: where builder_alloc() goes on
 */
struct builder {
	struct ram_store *ram;
	u64 size;
	u32 block_size;
	u32 logical_sector;
	u32 physical_sector;
	u32 param_flags;
	u64 log_offset;
	u32 log_length;
	u64 metadata_offset;
	u32 metadata_length;
	u64 bat_offset;
	u32 bat_length;
	u64 sequence;
	guid_t data_write_guid;
	guid_t log_guid;
	u16 version;
	u16 log_version;
	u64 end;
};

/* A key of a parent locator and its value; ASCII. */
struct builder_pair {
	const char *key;
	const char *value;
};

void builder_init(struct builder *b, struct ram_store *ram);
guid_t builder_guid(u8 byte);
void builder_write(struct builder *b);
void builder_write_header(struct builder *b, unsigned int slot, u64 sequence);
void builder_seal_header(struct builder *b, unsigned int slot);
void builder_seal_regions(struct builder *b, unsigned int copy);
u64 builder_region(unsigned int copy, u32 index);
u64 builder_item(const struct builder *b, u32 index);
guid_t builder_add_item(struct builder *b, u8 guid_byte, u32 offset, u32 length,
			u32 flags);
u32 builder_locator_bytes(u8 *bytes, const struct builder_pair *pairs,
			  u32 count);
void builder_locator(struct builder *b, const struct builder_pair *pairs,
		     u32 count);
void builder_parent(struct builder *b, u8 guid_byte);

u64 builder_alloc(struct builder *b, u64 length);
u64 builder_payload_index(const struct builder *b, u64 block);
u64 builder_bitmap_index(const struct builder *b, u64 chunk);
void builder_entry(struct builder *b, u64 block, u64 entry);
u64 builder_block(struct builder *b, u64 block, u32 state);
u64 builder_bitmap(struct builder *b, u64 chunk);
void builder_present(struct builder *b, u64 bitmap, u64 sector, u64 count);
void builder_fill(struct builder *b, u64 pos, u64 length, u8 byte);

#endif /* VHDX_TEST_BUILDER_H */
