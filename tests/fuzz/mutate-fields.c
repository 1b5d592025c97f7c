// SPDX-License-Identifier: GPL-2.0-only
#include "mutate.h"

/* A number in a structure: its offset there, and its bytes; 16 for a GUID. */
struct field {
	u16 offset;
	u8 width;
};

static const struct field header_fields[] = {
	{ 0, 4 }, { 8, 8 }, { 32, 16 }, { 48, 16 }, { 64, 2 }, { 66, 2 },
	{ 68, 4 }, { 72, 8 }, { 68, 4 }, { 72, 8 },
};

static const struct field region_fields[] = {
	{ 0, 16 }, { 16, 8 }, { 16, 8 }, { 24, 4 }, { 24, 4 }, { 28, 4 },
};

static const struct field item_fields[] = {
	{ 0, 16 }, { 16, 4 }, { 16, 4 }, { 20, 4 }, { 20, 4 }, { 24, 4 },
};

static const struct field pair_fields[] = {
	{ 0, 4 }, { 4, 4 }, { 8, 2 }, { 10, 2 },
};

static const guid_t guids[] = {
	VHDX_GUID_BAT, VHDX_GUID_METADATA, VHDX_GUID_FILE_PARAMETERS,
	VHDX_GUID_VIRTUAL_DISK_SIZE, VHDX_GUID_VIRTUAL_DISK_ID,
	VHDX_GUID_LOGICAL_SECTOR_SIZE, VHDX_GUID_PHYSICAL_SECTOR_SIZE,
	VHDX_GUID_PARENT_LOCATOR, VHDX_GUID_LOCATOR_TYPE,
	VHDX_GUID_CHS_PARAMETERS, VHDX_GUID_INCOMPLETE_FILE,
	VHDX_GUID_PMEM_LABELS, { { 0 } }, { { 1 } },
};

static u64 get(const struct mutation *m, u64 pos, u32 width)
{
	return fuzz_layer_get(m->layer, pos, width);
}

static void put(struct mutation *m, u64 pos, u32 width, u64 value)
{
	fuzz_layer_put(m->input, m->layer, pos, width, value);
}

/* The offset of a system item's bytes, or 0. */
static u64 item_at(const struct mutation *m, const guid_t *id)
{
	u32 count = min_t(u64, get(m, m->metadata + 10, 2), 32);
	guid_t guid;
	u32 i;

	for (i = 0; m->metadata && i < count; i++) {
		u64 entry = m->metadata + 32 + 32 * i;

		fuzz_layer_read(m->layer, entry, &guid, sizeof(guid));
		if (guid_equal(&guid, id))
			return m->metadata + get(m, entry + 16, 4);
	}
	return 0;
}

/**
 * mutate_layout() - find out where a file's structures are
 * @m: its file is known
 *
 * From the first copies, whether valid or not; a replay is not thought of.
 */
void mutate_layout(struct mutation *m)
{
	static const guid_t bat = VHDX_GUID_BAT;
	static const guid_t metadata = VHDX_GUID_METADATA;
	u32 i;

	m->bat = 0;
	m->metadata = 0;
	m->log_length = get(m, VHDX_HEADER_OFFSET(0) + 68, 4);
	m->log = get(m, VHDX_HEADER_OFFSET(0) + 72, 8);
	for (i = 0; i < 4; i++) {
		u64 entry = VHDX_REGION_TABLE_OFFSET(0) + 16 + 32 * i;
		guid_t guid;

		fuzz_layer_read(m->layer, entry, &guid, sizeof(guid));
		if (guid_equal(&guid, &bat))
			m->bat = get(m, entry + 16, 8);
		if (guid_equal(&guid, &metadata))
			m->metadata = get(m, entry + 16, 8);
	}
}

/* A number that means something somewhere in the file. */
static u64 known_number(struct mutation *m)
{
	switch (random_below(m->random, 10)) {
	case 0:
		return m->layer->size;
	case 1:
		return m->log;
	case 2:
		return m->bat;
	case 3:
		return m->metadata;
	case 4:
		return m->log_length;
	case 5:
		return VHDX_MIB * random_below(m->random,
					       random_once_in(m->random, 2) ?
					       4 : 64);
	case 6:
		return VHDX_PAGE * random_below(m->random, 1024);
	case 7:
		return VHDX_TABLE_SIZE;
	case 8:
		return 1ULL << random_below(m->random, 64);
	default:
		return random_below(m->random, 16);
	}
}

/**
 * mutate_number() - a number near another, or a special one
 * @m: the file that it is for
 * @old: the other
 * @width: bytes that it will have
 *
 * Return: the number; the caller cuts it to its width.
 */
u64 mutate_number(struct mutation *m, u64 old, u32 width)
{
	static const u64 steps[] = { 1, 2, 8, 512, 4096, 65536, 1 << 20,
				     1 << 25, 1ULL << 32 };
	u64 delta = steps[random_below(m->random, ARRAY_SIZE(steps))];

	switch (random_below(m->random, 8)) {
	case 0:
		return old + delta;
	case 1:
		return old - delta;
	case 2:
		return old ^ 1ULL << random_below(m->random, 8 * width);
	case 3:
		return random_once_in(m->random, 2) ? old * 2 : old / 2;
	case 4:
		return known_number(m) + delta;
	case 5:
		return known_number(m) - delta;
	case 6:
		return random_once_in(m->random, 4) ?
		       random_next(m->random) : 0 - delta;
	default:
		return known_number(m);
	}
}

static void mutate_at(struct mutation *m, u64 pos, const struct field *fields,
		      u32 count)
{
	const struct field *field = &fields[random_below(m->random, count)];
	u64 at = pos + field->offset;

	if (field->width == 16)
		fuzz_layer_write(m->input, m->layer, at,
				 &guids[random_below(m->random, ARRAY_SIZE(guids))],
				 16);
	else
		put(m, at, field->width,
		    mutate_number(m, get(m, at, field->width), field->width));
}

/* Both copies alike, most of the time. */
static void mutate_region(struct mutation *m)
{
	u64 second = VHDX_REGION_TABLE_OFFSET(1);
	u64 table = random_once_in(m->random, 8) ?
		    second : VHDX_REGION_TABLE_OFFSET(0);
	u32 count = get(m, table + 8, 4);
	u64 entry = table + 16 + 32 * random_below(m->random, min(count, 8U) + 1);
	u8 bytes[32];

	if (random_once_in(m->random, 6))
		put(m, table + 8, 4, mutate_number(m, count, 4));
	else
		mutate_at(m, entry, region_fields, ARRAY_SIZE(region_fields));
	if (table == second || random_once_in(m->random, 4))
		return;
	put(m, second + 8, 4, get(m, table + 8, 4));
	fuzz_layer_read(m->layer, entry, bytes, sizeof(bytes));
	fuzz_layer_write(m->input, m->layer, entry - table + second, bytes,
			 sizeof(bytes));
}

/* To the end of the region, or a few bytes over it. */
static void push_item(struct mutation *m, u64 entry)
{
	u64 length = get(m, entry + 20, 4);

	put(m, entry + 16, 4,
	    VHDX_MIB - length - 1 + random_below(m->random, length + 1));
}

static void mutate_items(struct mutation *m)
{
	u32 count = get(m, m->metadata + 10, 2);
	u64 entry = m->metadata + 32 +
		    32 * random_below(m->random, min(count, 16U) + 1);

	switch (random_below(m->random, 8)) {
	case 0:
		put(m, m->metadata + 10, 2, mutate_number(m, count, 2));
		break;
	case 1:
		push_item(m, entry);
		break;
	case 2:
		/* Onto its neighbour, or a part of it. */
		put(m, entry + 16, 4,
		    get(m, entry + 32 + 16, 4) + random_below(m->random, 4));
		break;
	default:
		mutate_at(m, entry, item_fields, ARRAY_SIZE(item_fields));
	}
}

static u64 chunk_ratio(const struct mutation *m)
{
	static const guid_t parameters = VHDX_GUID_FILE_PARAMETERS;
	static const guid_t sector = VHDX_GUID_LOGICAL_SECTOR_SIZE;
	u64 block = get(m, item_at(m, &parameters), 4);
	u64 size = get(m, item_at(m, &sector), 4);

	return max(size << VHDX_CHUNK_SECTORS_SHIFT, block) / max(block, 1ULL);
}

/* A disk of a few blocks, or of so many that there are several chunks. */
static u64 make_size(struct mutation *m, u64 old)
{
	static const guid_t parameters = VHDX_GUID_FILE_PARAMETERS;
	u64 block = get(m, item_at(m, &parameters), 4);
	u64 few = random_below(m->random, 6);

	if (random_once_in(m->random, 2))
		return block * (chunk_ratio(m) * (1 + few % 3) + few);
	return ALIGN_DOWN(mutate_number(m, old, 6), 4096ULL);
}

/* Values that are allowed, more often than not. */
static void mutate_params(struct mutation *m)
{
	static const guid_t id[] = {
		VHDX_GUID_FILE_PARAMETERS, VHDX_GUID_VIRTUAL_DISK_SIZE,
		VHDX_GUID_LOGICAL_SECTOR_SIZE,
	};
	u32 which = random_below(m->random, ARRAY_SIZE(id));
	u64 at = item_at(m, &id[which]);

	if (random_once_in(m->random, 4))
		put(m, at, which == 1 ? 8 : 4,
		    mutate_number(m, get(m, at, 8), 4));
	else if (which == 0 && random_once_in(m->random, 2))
		put(m, at + 4, 4, random_below(m->random, 4));
	else if (which == 0)
		put(m, at, 4, VHDX_MIB << random_below(m->random, 9));
	else if (which == 1)
		put(m, at, 8, make_size(m, get(m, at, 8)));
	else
		put(m, at, 4, random_once_in(m->random, 2) ? 512 : 4096);
}

static void mutate_locator(struct mutation *m)
{
	static const guid_t id = VHDX_GUID_PARENT_LOCATOR;
	u64 at = item_at(m, &id);
	u32 count = get(m, at + 18, 2);
	u64 pair = at + 20 + 12 * random_below(m->random, min(count, 6U) + 1);
	u32 which = random_below(m->random, 2);
	u8 unit[2];

	switch (random_below(m->random, 6)) {
	case 0:
		put(m, at + 18, 2, mutate_number(m, count, 2));
		break;
	case 2:
		/* A whole key or value of one character. */
		unit[0] = random_next(m->random);
		unit[1] = random_next(m->random);
		fuzz_layer_add(m->input, m->layer,
			       at + get(m, pair + 4 * which, 4),
			       get(m, pair + 8 + 2 * which, 2), unit, 2);
		break;
	case 1:
		/* A character of some key or value. */
		put(m,
		    at + get(m, pair + 4 * which, 4) +
			    2 * random_below(m->random, 40),
		    2, mutate_number(m, 'a', 2));
		break;
	default:
		mutate_at(m, pair, pair_fields, ARRAY_SIZE(pair_fields));
	}
}

/**
 * mutate_field() - a field of some structure
 * @m: the file
 */
void mutate_field(struct mutation *m)
{
	switch (random_below(m->random, 8)) {
	case 0:
		mutate_at(m, VHDX_HEADER_OFFSET(random_below(m->random, 2)),
			  header_fields, ARRAY_SIZE(header_fields));
		break;
	case 1:
	case 2:
		mutate_region(m);
		break;
	case 3:
	case 4:
		mutate_items(m);
		break;
	case 5:
	case 6:
		mutate_params(m);
		break;
	default:
		mutate_locator(m);
	}
}

/* Makes every copy of a region table or header that says @old say @new. */
static void rename_place(struct mutation *m, u64 old, u64 new)
{
	u32 copy, i;

	for (copy = 0; copy < 2; copy++) {
		u64 log = VHDX_HEADER_OFFSET(copy) + 72;

		if (get(m, log, 8) == old)
			put(m, log, 8, new);
		for (i = 0; i < 4; i++) {
			u64 at = VHDX_REGION_TABLE_OFFSET(copy) + 32 + 32 * i;

			if (get(m, at, 8) == old)
				put(m, at, 8, new);
		}
	}
}

/**
 * mutate_move() - move the log or a region, with all that is in it
 * @m: the file
 *
 * To before, among or behind the blocks, or onto something.
 */
void mutate_move(struct mutation *m)
{
	const u64 places[] = { m->log, m->metadata, m->bat };
	u64 old = places[random_below(m->random, ARRAY_SIZE(places))];
	u64 new = VHDX_MIB * (1 + random_below(m->random, 24));
	u32 i;

	for (i = 0; i < m->layer->count; i++) {
		struct fuzz_extent *extent = &m->layer->extent[i];

		if (extent->offset >= old && extent->offset < old + VHDX_MIB)
			extent->offset += new - old;
	}
	rename_place(m, old, new);
	if (random_once_in(m->random, 2))
		m->layer->size = max(m->layer->size, new + VHDX_MIB);
}

/* The first entries, or those around a chunk's end. */
static u64 choose_index(struct mutation *m)
{
	u64 ratio = chunk_ratio(m);

	if (random_once_in(m->random, 3))
		return (ratio + 1) * (1 + random_below(m->random, 3)) - 1 -
		       random_below(m->random, 3);
	return random_below(m->random, random_once_in(m->random, 2) ? 4 : 16);
}

static u64 make_entry(struct mutation *m)
{
	static const u8 states[] = { 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7, 7 };
	u64 entry = states[random_below(m->random, ARRAY_SIZE(states))];
	u64 offset = VHDX_MIB * (1 + random_below(m->random, 40));

	/* At, or shortly before, what else has a place. */
	if (random_once_in(m->random, 3))
		offset = (known_number(m) -
			  VHDX_MIB * random_below(m->random, 4)) &
			 VHDX_BAT_OFFSET_MASK;
	if (random_once_in(m->random, 32))
		entry |= random_next(m->random) & VHDX_BAT_RESERVED_MASK;
	return entry | offset;
}

/**
 * mutate_bat() - an entry of the BAT, or many
 * @m: the file
 */
void mutate_bat(struct mutation *m)
{
	u64 at = m->bat + 8 * choose_index(m);
	u64 other = m->bat + 8 * choose_index(m);
	u64 entry = get(m, at, 8);
	__le64 fill;

	switch (random_below(m->random, 6)) {
	case 0:
		put(m, at, 8, get(m, other, 8));
		put(m, other, 8, entry);
		break;
	case 1:
		put(m, at, 8, (entry & ~7ULL) | random_below(m->random, 8));
		break;
	case 2:
		put(m, at, 8, mutate_number(m, entry, 8));
		break;
	case 3:
		fill = cpu_to_le64(make_entry(m));
		fuzz_layer_add(m->input, m->layer, at,
			       8 << random_below(m->random, 16), &fill, 8);
		break;
	default:
		put(m, at, 8, make_entry(m));
	}
}

/**
 * mutate_bitmap() - bits of a sector bitmap
 * @m: the file
 *
 * Runs of a byte, which end inside a byte where a single one follows.
 */
void mutate_bitmap(struct mutation *m)
{
	u64 index = (chunk_ratio(m) + 1) * (1 + random_below(m->random, 2)) - 1;
	u64 entry = get(m, m->bat + 8 * index, 8);
	u64 at = (entry & VHDX_BAT_OFFSET_MASK) +
		 random_below(m->random, random_once_in(m->random, 2) ? 64 : 8192);
	u8 byte = random_once_in(m->random, 2) ? 0xff : random_next(m->random);

	if ((entry & 7) != 6) {
		put(m, m->bat + 8 * index, 8,
		    6 | VHDX_MIB * (1 + random_below(m->random, 16)));
		return;
	}
	fuzz_layer_add(m->input, m->layer, at,
		       1 + random_below(m->random, 600), &byte, 1);
	put(m, at + random_below(m->random, 600), 1, random_next(m->random));
}
