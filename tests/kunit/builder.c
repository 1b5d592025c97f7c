// SPDX-License-Identifier: GPL-2.0-only
#include "builder.h"

/**
 * builder_guid() - a GUID of one repeated byte
 * @byte: the byte; 0 makes the null GUID
 *
 * Return: the GUID.
 */
guid_t builder_guid(u8 byte)
{
	guid_t guid;

	memset(&guid, byte, sizeof(guid));
	return guid;
}

/**
 * builder_init() - default knobs
 * @b: what to set up
 * @ram: where the image will go; empty
 *
 * A clean dynamic image of 64 MiB in blocks of 1 MiB, sectors of 512 and 4096
 * bytes, laid out as Windows does: log, metadata, BAT, blocks.
 */
void builder_init(struct builder *b, struct ram_store *ram)
{
	*b = (struct builder){
		.ram = ram,
		.size = 64 * VHDX_MIB,
		.block_size = VHDX_MIB,
		.logical_sector = 512,
		.physical_sector = 4096,
		.log_offset = VHDX_MIB,
		.log_length = VHDX_MIB,
		.metadata_offset = 2 * VHDX_MIB,
		.metadata_length = VHDX_MIB,
		.bat_offset = 3 * VHDX_MIB,
		.bat_length = VHDX_MIB,
		.sequence = 7,
		.data_write_guid = builder_guid(0xDA),
		.version = 1,
	};
}

static u32 disk_checksum(struct ram_store *ram, u64 pos, u32 len)
{
	u8 *bytes = kvmalloc(len, GFP_KERNEL);
	u32 crc;

	if (!bytes) {
		ram->broken = -ENOMEM;
		return 0;
	}
	ram_store_peek(ram, pos, bytes, len);
	memset(bytes + 4, 0, 4);
	crc = ~crc32c(~0U, bytes, len);
	kvfree(bytes);
	return crc;
}

static void seal(struct builder *b, u64 pos, u32 len)
{
	ram_store_put(b->ram, pos + 4, disk_checksum(b->ram, pos, len), 4);
}

/**
 * builder_seal_header() - mend a header's checksum
 * @b: the image
 * @slot: 0 or 1
 */
void builder_seal_header(struct builder *b, unsigned int slot)
{
	seal(b, (slot + 1) * 0x10000ULL, 4096);
}

/**
 * builder_seal_regions() - mend a region table's checksum
 * @b: the image
 * @copy: 0 or 1
 */
void builder_seal_regions(struct builder *b, unsigned int copy)
{
	seal(b, (copy + 3) * 0x10000ULL, 0x10000);
}

/**
 * builder_write_header() - write one copy of the header
 * @b: the image; the header's fields are its knobs
 * @slot: 0 or 1
 * @sequence: its number
 */
void builder_write_header(struct builder *b, unsigned int slot, u64 sequence)
{
	u64 pos = (slot + 1) * 0x10000ULL;
	guid_t file_write = builder_guid(0xF1);

	ram_store_write(b->ram, pos, "head", 4);
	ram_store_put(b->ram, pos + 8, sequence, 8);
	ram_store_write(b->ram, pos + 16, &file_write, 16);
	ram_store_write(b->ram, pos + 32, &b->data_write_guid, 16);
	ram_store_write(b->ram, pos + 48, &b->log_guid, 16);
	ram_store_put(b->ram, pos + 64, b->log_version, 2);
	ram_store_put(b->ram, pos + 66, b->version, 2);
	ram_store_put(b->ram, pos + 68, b->log_length, 4);
	ram_store_put(b->ram, pos + 72, b->log_offset, 8);
	builder_seal_header(b, slot);
}

/**
 * builder_region() - where a region table entry is
 * @copy: of the table, 0 or 1
 * @index: of the entry
 *
 * Return: byte offset in the file: of the GUID; the region's offset is 16
 * bytes further, its length 24, the flags 28.
 */
u64 builder_region(unsigned int copy, u32 index)
{
	return (copy + 3) * 0x10000ULL + 16 + index * 32;
}

static void write_region(struct builder *b, unsigned int copy, u32 index,
			 const guid_t *guid, u64 offset, u32 length)
{
	u64 pos = builder_region(copy, index);

	ram_store_write(b->ram, pos, guid, 16);
	ram_store_put(b->ram, pos + 16, offset, 8);
	ram_store_put(b->ram, pos + 24, length, 4);
	ram_store_put(b->ram, pos + 28, 1, 4);
}

static void write_regions(struct builder *b, unsigned int copy)
{
	static const guid_t bat = VHDX_GUID_BAT;
	static const guid_t metadata = VHDX_GUID_METADATA;
	u64 pos = (copy + 3) * 0x10000ULL;

	ram_store_write(b->ram, pos, "regi", 4);
	ram_store_put(b->ram, pos + 8, 2, 4);
	write_region(b, copy, BUILDER_REGION_BAT, &bat, b->bat_offset,
		     b->bat_length);
	write_region(b, copy, BUILDER_REGION_METADATA, &metadata,
		     b->metadata_offset, b->metadata_length);
	builder_seal_regions(b, copy);
}

/**
 * builder_item() - where a metadata table entry is
 * @b: the image
 * @index: of the entry
 *
 * Return: byte offset in the file: of the GUID; the item's offset is 16 bytes
 * further, its length 20, the flags 24.
 */
u64 builder_item(const struct builder *b, u32 index)
{
	return b->metadata_offset + 32 + index * 32;
}

static void write_item(struct builder *b, u32 index, guid_t id, u32 offset,
		       u32 length, u32 flags)
{
	u64 pos = builder_item(b, index);

	ram_store_write(b->ram, pos, &id, 16);
	ram_store_put(b->ram, pos + 16, offset, 4);
	ram_store_put(b->ram, pos + 20, length, 4);
	ram_store_put(b->ram, pos + 24, flags, 4);
}

/**
 * builder_add_item() - add a metadata item of no known GUID
 * @b: the image, written before
 * @guid_byte: the GUID is this byte 16 times
 * @offset: bytes from the start of the metadata region
 * @length: bytes
 * @flags: VHDX_ITEM_*
 *
 * The item's bytes stay as they are.
 *
 * Return: the GUID.
 */
guid_t builder_add_item(struct builder *b, u8 guid_byte, u32 offset, u32 length,
			u32 flags)
{
	u64 count_at = b->metadata_offset + 10;
	u32 count = ram_store_get(b->ram, count_at, 2);
	guid_t id = builder_guid(guid_byte);

	write_item(b, count, id, offset, length, flags);
	ram_store_put(b->ram, count_at, count + 1, 2);
	return id;
}

static void write_metadata(struct builder *b)
{
	u64 base = b->metadata_offset;
	guid_t id = builder_guid(0x1D);

	ram_store_write(b->ram, base, "metadata", 8);
	ram_store_put(b->ram, base + 10, 5, 2);
	write_item(b, BUILDER_ITEM_PARAMS, VHDX_GUID_FILE_PARAMETERS,
		   BUILDER_PARAMS, 8, 4);
	write_item(b, BUILDER_ITEM_SIZE, VHDX_GUID_VIRTUAL_DISK_SIZE,
		   BUILDER_SIZE, 8, 6);
	write_item(b, BUILDER_ITEM_ID, VHDX_GUID_VIRTUAL_DISK_ID, BUILDER_ID,
		   16, 6);
	write_item(b, BUILDER_ITEM_LOGICAL, VHDX_GUID_LOGICAL_SECTOR_SIZE,
		   BUILDER_LOGICAL, 4, 6);
	write_item(b, BUILDER_ITEM_PHYSICAL, VHDX_GUID_PHYSICAL_SECTOR_SIZE,
		   BUILDER_PHYSICAL, 4, 6);
	ram_store_put(b->ram, base + BUILDER_PARAMS, b->block_size, 4);
	ram_store_put(b->ram, base + BUILDER_PARAMS + 4, b->param_flags, 4);
	ram_store_put(b->ram, base + BUILDER_SIZE, b->size, 8);
	ram_store_write(b->ram, base + BUILDER_ID, &id, 16);
	ram_store_put(b->ram, base + BUILDER_LOGICAL, b->logical_sector, 4);
	ram_store_put(b->ram, base + BUILDER_PHYSICAL, b->physical_sector, 4);
}

/**
 * builder_write() - write everything but blocks
 * @b: the image
 *
 * May be called again after a knob was turned.
 */
void builder_write(struct builder *b)
{
	u64 end = max(b->log_offset + b->log_length,
		      max(b->metadata_offset + b->metadata_length,
			  b->bat_offset + b->bat_length));

	ram_store_write(b->ram, 0, "vhdxfile", 8);
	builder_write_header(b, 0, b->sequence);
	builder_write_header(b, 1, b->sequence + 1);
	write_regions(b, 0);
	write_regions(b, 1);
	write_metadata(b);
	b->end = max(b->end, end);
	b->ram->store.size = max(b->ram->store.size, b->end);
}

static u32 put_utf16(u8 *out, const char *text)
{
	u32 i;

	for (i = 0; text[i]; i++) {
		out[2 * i] = text[i];
		out[2 * i + 1] = 0;
	}
	return 2 * i;
}

/**
 * builder_locator_bytes() - make the bytes of a parent locator
 * @bytes: where they go
 * @pairs: keys and values
 * @count: how many
 *
 * Return: bytes in all. The text follows the table without gaps.
 */
u32 builder_locator_bytes(u8 *bytes, const struct builder_pair *pairs,
			  u32 count)
{
	static const guid_t type = VHDX_GUID_LOCATOR_TYPE;
	u32 pos = 20 + 12 * count;
	u32 i;

	memcpy(bytes, &type, 16);
	memset(bytes + 16, 0, pos - 16);
	bytes[18] = count;
	bytes[19] = count >> 8;
	for (i = 0; i < count; i++) {
		u32 key = put_utf16(bytes + pos, pairs[i].key);
		u32 value = put_utf16(bytes + pos + key, pairs[i].value);
		__le32 at[2] = { cpu_to_le32(pos), cpu_to_le32(pos + key) };
		__le16 length[2] = { cpu_to_le16(key), cpu_to_le16(value) };

		memcpy(bytes + 20 + 12 * i, at, 8);
		memcpy(bytes + 20 + 12 * i + 8, length, 4);
		pos += key + value;
	}
	return pos;
}

/**
 * builder_locator() - write a parent locator and its entry
 * @b: the image, written before
 * @pairs: keys and values
 * @count: how many
 */
void builder_locator(struct builder *b, const struct builder_pair *pairs,
		     u32 count)
{
	u8 *bytes = kvmalloc(VHDX_TABLE_SIZE, GFP_KERNEL);
	u32 length;

	if (!bytes) {
		b->ram->broken = -ENOMEM;
		return;
	}
	length = builder_locator_bytes(bytes, pairs, count);
	ram_store_write(b->ram, b->metadata_offset + BUILDER_LOCATOR, bytes,
			length);
	kvfree(bytes);
	write_item(b, BUILDER_ITEM_LOCATOR, VHDX_GUID_PARENT_LOCATOR,
		   BUILDER_LOCATOR, length, 4);
	ram_store_put(b->ram, b->metadata_offset + 10, 6, 2);
}

/**
 * builder_parent() - make the image a child
 * @b: the image; it is written anew
 * @guid_byte: the parent's DataWriteGuid is this byte 16 times
 */
void builder_parent(struct builder *b, u8 guid_byte)
{
	char linkage[40];
	struct builder_pair pairs[] = {
		{ "parent_linkage", linkage },
		{ "relative_path", ".\\parent.vhdx" },
	};
	u32 x = guid_byte;

	snprintf(linkage, sizeof(linkage),
		 "{%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x}",
		 x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x);
	b->param_flags |= 2;
	builder_write(b);
	builder_locator(b, pairs, ARRAY_SIZE(pairs));
}

/**
 * builder_alloc() - take space at the end of the file
 * @b: the image
 * @length: bytes
 *
 * Return: byte offset in the file, a multiple of 1 MiB.
 */
u64 builder_alloc(struct builder *b, u64 length)
{
	u64 pos = b->end;

	b->end = ALIGN(pos + length, VHDX_MIB);
	b->ram->store.size = max(b->ram->store.size, b->end);
	return pos;
}

static u64 chunk_ratio(const struct builder *b)
{
	return (8388608ULL * b->logical_sector) / b->block_size;
}

/**
 * builder_payload_index() - where a payload block's BAT entry is
 * @b: the image
 * @block: its number
 *
 * Return: its index in the BAT.
 */
u64 builder_payload_index(const struct builder *b, u64 block)
{
	return block + block / chunk_ratio(b);
}

/**
 * builder_bitmap_index() - where a chunk's sector bitmap BAT entry is
 * @b: the image
 * @chunk: its number
 *
 * Return: its index in the BAT.
 */
u64 builder_bitmap_index(const struct builder *b, u64 chunk)
{
	return chunk * (chunk_ratio(b) + 1) + chunk_ratio(b);
}

/**
 * builder_entry() - set a payload block's BAT entry
 * @b: the image
 * @block: its number
 * @entry: state and offset
 */
void builder_entry(struct builder *b, u64 block, u64 entry)
{
	ram_store_put(b->ram,
		      b->bat_offset + 8 * builder_payload_index(b, block),
		      entry, 8);
}

/**
 * builder_block() - give a payload block space
 * @b: the image
 * @block: its number
 * @state: of its entry
 *
 * Return: byte offset of the space in the file.
 */
u64 builder_block(struct builder *b, u64 block, u32 state)
{
	u64 pos = builder_alloc(b, b->block_size);

	builder_entry(b, block, pos | state);
	return pos;
}

/**
 * builder_bitmap() - give a chunk a sector bitmap
 * @b: the image
 * @chunk: its number
 *
 * Return: byte offset of the bitmap in the file; all its bits are 0.
 */
u64 builder_bitmap(struct builder *b, u64 chunk)
{
	u64 pos = builder_alloc(b, VHDX_MIB);

	ram_store_put(b->ram,
		      b->bat_offset + 8 * builder_bitmap_index(b, chunk),
		      pos | 6, 8);
	return pos;
}

/**
 * builder_present() - set bits in a sector bitmap
 * @b: the image
 * @bitmap: byte offset of the bitmap in the file
 * @sector: number of the first one in its chunk
 * @count: how many
 */
void builder_present(struct builder *b, u64 bitmap, u64 sector, u64 count)
{
	for (; count; sector++, count--) {
		u64 pos = bitmap + sector / 8;
		u64 byte = ram_store_get(b->ram, pos, 1);

		ram_store_put(b->ram, pos, byte | 1 << sector % 8, 1);
	}
}

/**
 * builder_fill() - set bytes
 * @b: the image
 * @pos: byte offset in the file
 * @length: how many
 * @byte: to what
 */
void builder_fill(struct builder *b, u64 pos, u64 length, u8 byte)
{
	u8 sector[512];

	memset(sector, byte, sizeof(sector));
	while (length) {
		u64 n = min_t(u64, length, sizeof(sector));

		ram_store_write(b->ram, pos, sector, n);
		pos += n;
		length -= n;
	}
}
