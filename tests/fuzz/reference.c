// SPDX-License-Identifier: GPL-2.0-only
#include "reference.h"

static const u8 bat_guid[16] = { 0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42,
				 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08 };
static const u8 metadata_guid[16] = { 0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47,
				      0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F,
				      0x05, 0x0F, 0x88, 0x6E };

static u64 number(const u8 *bytes, u32 width)
{
	u64 value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

static u64 read_number(const struct reference *ref, u64 pos, u32 width)
{
	u8 bytes[8];

	reference_read(ref, pos, bytes, width);
	return number(bytes, width);
}

/**
 * reference_crc() - CRC-32C, a byte at a time
 * @crc: so far; starts with all ones, and the end is to be inverted
 * @bytes: to add
 * @len: how many
 *
 * 0x82F63B78 is the polynomial of [MS-VHDX] 2.2.2 with its bits reflected.
 *
 * Return: the new one.
 */
u32 reference_crc(u32 crc, const u8 *bytes, size_t len)
{
	static u32 table[256];
	u32 i, bit;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			table[i] = i;
			for (bit = 0; bit < 8; bit++)
				table[i] = table[i] & 1 ?
					   table[i] >> 1 ^ 0x82F63B78 :
					   table[i] >> 1;
		}
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *bytes++) & 255];
	return crc;
}

static bool sum_right(const u8 *bytes, size_t len)
{
	static const u8 hole[4];
	u32 crc = reference_crc(~0U, bytes, 4);

	crc = reference_crc(crc, hole, 4);
	return ~reference_crc(crc, bytes + 8, len - 8) == number(bytes + 4, 4);
}

/* Copies what a change puts into [pos, pos + len). */
static void apply(const struct reference *ref,
		  const struct reference_change *change, u64 pos, u8 *buf,
		  u32 len)
{
	static u8 page[4096];
	u32 i;

	if (pos + len <= change->start || pos >= change->start + change->length)
		return;
	if (!change->zero) {
		fuzz_layer_read(ref->file, change->source, page, sizeof(page));
		memcpy(page, change->first, 8);
		memcpy(page + 4092, change->last, 4);
	}
	for (i = 0; i < len; i++)
		if (pos + i >= change->start &&
		    pos + i - change->start < change->length)
			buf[i] = change->zero ? 0 :
						page[pos + i - change->start];
}

/**
 * reference_read() - bytes of a file as they are after replay
 * @ref: the file
 * @pos: byte offset
 * @buf: where they go
 * @len: how many
 */
void reference_read(const struct reference *ref, u64 pos, void *buf, u32 len)
{
	u32 i;

	fuzz_layer_read(ref->file, pos, buf, len);
	for (i = 0; i < ref->change_count; i++)
		apply(ref, &ref->changes[i], pos, buf, len);
}

/**
 * reference_changed() - does the log change a byte?
 * @ref: the file
 * @pos: which
 *
 * Return: whether it does.
 */
bool reference_changed(const struct reference *ref, u64 pos)
{
	u32 i;

	for (i = 0; i < ref->change_count; i++)
		if (pos >= ref->changes[i].start &&
		    pos - ref->changes[i].start < ref->changes[i].length)
			return true;
	return false;
}

static void add_place(struct reference *ref, u64 start, u64 length)
{
	ref->places[ref->place_count][0] = start;
	ref->places[ref->place_count][1] = length;
	ref->place_count++;
}

static bool open_header(struct reference *ref)
{
	static u8 copy[2][4096];
	bool valid[2];
	u32 slot;

	for (slot = 0; slot < 2; slot++) {
		fuzz_layer_read(ref->file, (slot + 1) * 65536, copy[slot], 4096);
		valid[slot] = !memcmp(copy[slot], "head", 4) &&
			      sum_right(copy[slot], 4096);
	}
	if (!valid[0] && !valid[1])
		return false;
	slot = valid[1] && (!valid[0] || number(copy[1] + 8, 8) >
					 number(copy[0] + 8, 8));
	memcpy(ref->log_guid, copy[slot] + 48, 16);
	ref->log_length = number(copy[slot] + 68, 4);
	ref->log_base = number(copy[slot] + 72, 8);
	return number(copy[slot] + 66, 2) == 1;
}

static const u8 *find_region(const u8 *table, const u8 guid[16])
{
	u32 count = number(table + 8, 4);
	const u8 *entry = table + 16;

	for (; count--; entry += 32)
		if (!memcmp(entry, guid, 16))
			return entry;
	return NULL;
}

/* No two regions have the same GUID. */
static bool regions_apart(const u8 *table)
{
	u32 count = number(table + 8, 4);
	u32 i, j;

	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			if (!memcmp(table + 16 + 32 * i, table + 16 + 32 * j,
				    16))
				return false;
	return true;
}

/* Lists every place of a valid table; false if it says what cannot be. */
static bool take_regions(struct reference *ref, const u8 *table,
			 u64 metadata[2], u64 *bat_length)
{
	const u8 *bat = find_region(table, bat_guid);
	const u8 *meta = find_region(table, metadata_guid);
	u32 count = number(table + 8, 4);
	u32 i;

	for (i = 0; i < count; i++)
		add_place(ref, number(table + 32 + 32 * i, 8),
			  number(table + 40 + 32 * i, 4));
	if (!bat || !meta || !regions_apart(table) || !reference_places(ref))
		return false;
	ref->bat = number(bat + 16, 8);
	*bat_length = number(bat + 24, 4);
	metadata[0] = number(meta + 16, 8);
	metadata[1] = number(meta + 24, 4);
	return true;
}

/* The first copy of the region table that is valid and makes sense. */
static bool open_regions(struct reference *ref, u64 metadata[2],
			 u64 *bat_length)
{
	static u8 table[65536];
	u32 places = ref->place_count;
	u32 copy;

	for (copy = 0; copy < 2; copy++) {
		ref->place_count = places;
		reference_read(ref, (copy + 3) * 65536, table, sizeof(table));
		if (!memcmp(table, "regi", 4) && number(table + 8, 4) <= 2047 &&
		    sum_right(table, sizeof(table)) &&
		    take_regions(ref, table, metadata, bat_length))
			return true;
	}
	return false;
}

/* The byte offset of a system item, or 0. @first is of its GUID, which does. */
static u64 find_item(const struct reference *ref, u64 metadata, u32 first)
{
	u32 count = read_number(ref, metadata + 10, 2);
	u32 i;

	for (i = 0; i < count; i++) {
		u8 entry[32];

		reference_read(ref, metadata + 32 + 32 * i, entry, 32);
		if (number(entry, 4) == first && !(entry[24] & 1))
			return metadata + number(entry + 16, 4);
	}
	return 0;
}

static bool open_items(struct reference *ref, u64 metadata)
{
	u64 parameters = find_item(ref, metadata, 0xCAA16737);
	u64 size = find_item(ref, metadata, 0x2FA54224);
	u64 sector = find_item(ref, metadata, 0x8141BF1D);

	if (!parameters || !size || !sector)
		return false;
	ref->block_size = read_number(ref, parameters, 4);
	ref->child = read_number(ref, parameters + 4, 4) & 2;
	ref->disk_size = read_number(ref, size, 8);
	ref->sector_size = read_number(ref, sector, 4);
	return ref->block_size && ref->sector_size;
}

/* Another limit of the engine's: what no block can need, a log cannot add. */
static u64 useful_length(const struct reference *ref)
{
	u64 ratio = reference_ratio(ref);
	u64 blocks = (ref->disk_size + ref->block_size - 1) / ref->block_size;
	u64 end = 0;
	u32 i;

	for (i = 0; i < ref->place_count; i++)
		end = max(end, ref->places[i][0] + ref->places[i][1]);
	end += blocks * ref->block_size;
	if (ref->child)
		end += (blocks + ratio - 1) / ratio * (1 << 20);
	end = (max(end, ref->file->size) + (1 << 30)) >> 20 << 20;
	return min(end, 1ULL << 48);
}

/**
 * reference_open() - understand one file
 * @ref: where it goes; reference_close() in any case
 * @file: its bytes
 *
 * Return: false if it makes no sense, or breaks a rule.
 */
bool reference_open(struct reference *ref, const struct fuzz_layer *file)
{
	static const u8 null[16];
	u64 metadata[2], bat_length;

	ref->file = file;
	ref->length = file->size;
	ref->changes = NULL;
	ref->change_count = 0;
	ref->place_count = 0;
	ref->bat = 0;
	if (!open_header(ref))
		return false;
	if (memcmp(ref->log_guid, null, 16) && !reference_replay(ref))
		return false;
	add_place(ref, 0, 1 << 20);
	if (ref->log_length)
		add_place(ref, ref->log_base, ref->log_length);
	/* A limit of the engine's, not of the format. */
	ref->length = min(ref->length, VHDX_FILE_SIZE_MAX);
	if (!open_regions(ref, metadata, &bat_length) ||
	    !open_items(ref, metadata[0]) ||
	    !reference_rules(ref, metadata, bat_length))
		return false;
	ref->length = min(ref->length, useful_length(ref));
	return true;
}

/**
 * reference_close() - forget a file
 * @ref: as reference_open() left it
 */
void reference_close(struct reference *ref)
{
	free(ref->changes);
	ref->changes = NULL;
}

/**
 * reference_ratio() - payload blocks to a chunk ([MS-VHDX] 2.4.2)
 * @ref: the file
 *
 * Return: how many.
 */
u64 reference_ratio(const struct reference *ref)
{
	return (1ULL << 23) * ref->sector_size / ref->block_size;
}

/**
 * reference_entry() - an entry of the BAT
 * @ref: the file
 * @index: which
 *
 * Return: its value, after replay.
 */
u64 reference_entry(const struct reference *ref, u64 index)
{
	return read_number(ref, ref->bat + 8 * index, 8);
}

/* Is there such a space in the file, and does nothing else lie there? */
static bool place_bad(const struct reference *ref, u64 start, u64 length,
		      u64 needed)
{
	u32 i;

	if (start >= ref->length || start + needed > ref->length)
		return true;
	for (i = 0; i < ref->place_count; i++)
		if (start < ref->places[i][0] + ref->places[i][1] &&
		    ref->places[i][0] < start + length)
			return true;
	return false;
}

/**
 * reference_entry_bad() - is an entry one that cannot be used?
 * @ref: the file
 * @index: of the entry
 * @payload: it is a payload block's, or else a sector bitmap's
 * @block: number of the payload block
 *
 * The last block may lack, in the file, what lies behind the virtual disk.
 *
 * Return: whether it is.
 */
bool reference_entry_bad(const struct reference *ref, u64 index, bool payload,
			 u64 block)
{
	u64 entry = reference_entry(ref, index);
	u64 start = entry >> 20 << 20;
	u64 left = ref->disk_size - block * ref->block_size;
	u64 needed = left < ref->block_size ? left : ref->block_size;

	switch (entry & 7) {
	case 0:
		return false;
	case 6:
		return payload ? place_bad(ref, start, ref->block_size,
					   needed) :
				 place_bad(ref, start, 1 << 20, 1 << 20);
	case 7:
		return !payload ||
		       place_bad(ref, start, ref->block_size, needed);
	case 1:
	case 2:
	case 3:
		return !payload;
	default:
		return true;
	}
}

/* Does the file end inside a block? What is there can be read. */
static bool block_cut(const struct reference *ref, u64 entry)
{
	u64 start = entry >> 20 << 20;

	return (entry & 7) >= 6 && start < ref->length &&
	       start + ref->block_size > ref->length &&
	       !place_bad(ref, start, ref->block_size, 0);
}

/* One layer's answer to where its sector lies; false if it is below. */
static bool sector_of(const struct reference *ref, u64 pos,
		      struct reference_answer *answer)
{
	u64 ratio = reference_ratio(ref);
	u64 block = pos / ref->block_size;
	u64 index = block + block / ratio;
	u64 bitmap = block / ratio * (ratio + 1) + ratio;
	u64 entry = reference_entry(ref, index);
	u64 bit = pos % (ratio * ref->block_size) / ref->sector_size;
	u32 state = entry & 7;
	bool cut;

	answer->kind = REFERENCE_ZERO;
	answer->offset = (entry >> 20 << 20) + pos % ref->block_size;
	cut = block_cut(ref, entry);
	if (!cut && reference_entry_bad(ref, index, true, block)) {
		answer->kind = REFERENCE_BAD;
		return true;
	}
	if (state < 6)
		return state || !ref->child;
	answer->kind = cut && answer->offset + ref->sector_size > ref->length ?
		       REFERENCE_BAD : REFERENCE_HERE;
	if (state == 6 || !ref->child)
		return true;
	entry = reference_entry(ref, bitmap);
	if ((entry & 7) != 6 || reference_entry_bad(ref, bitmap, false, 0)) {
		answer->kind = REFERENCE_BAD;
		return true;
	}
	return read_number(ref, (entry >> 20 << 20) + bit / 8, 1) >> bit % 8 & 1;
}

/**
 * reference_sector() - where a sector of a chain lies
 * @chain: the files, child first
 * @depth: how many
 * @pos: byte offset on the virtual disk
 *
 * What is past the end of a smaller parent is zeros.
 *
 * Return: where it lies.
 */
struct reference_answer reference_sector(const struct reference *chain,
					 u32 depth, u64 pos)
{
	struct reference_answer answer = {};
	u32 i;

	for (i = 0; i < depth && pos < chain[i].disk_size; i++) {
		answer.layer = i;
		if (sector_of(&chain[i], pos, &answer))
			return answer;
	}
	answer.kind = REFERENCE_ZERO;
	return answer;
}
