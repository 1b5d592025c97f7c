// SPDX-License-Identifier: GPL-2.0-only
#include "mutate.h"

/* An entry as it is written; repair.c does its checksum. */
#define ENTRY_PAGES	4U

static const u8 session[16] = "a log of a crash";

static u64 ring(const struct mutation *m, u64 offset)
{
	return m->log + offset % m->log_length;
}

static void put(struct mutation *m, u64 offset, u32 width, u64 value)
{
	fuzz_layer_put(m->input, m->layer, ring(m, offset), width, value);
}

static u64 get(const struct mutation *m, u64 offset, u32 width)
{
	return fuzz_layer_get(m->layer, ring(m, offset), width);
}

/* Makes the headers say that the log counts. */
static void make_dirty(struct mutation *m)
{
	static const u8 null[16];
	u8 guid[16];
	u32 slot;

	for (slot = 0; slot < 2; slot++) {
		u64 pos = VHDX_HEADER_OFFSET(slot) + 48;

		fuzz_layer_read(m->layer, pos, guid, 16);
		if (!memcmp(guid, null, 16))
			fuzz_layer_write(m->input, m->layer, pos, session, 16);
	}
}

/* The page of a structure that replay may change. */
static u64 choose_target(struct mutation *m)
{
	switch (random_below(m->random, 8)) {
	case 0:
		return VHDX_REGION_TABLE_OFFSET(random_below(m->random, 2));
	case 1:
		return m->metadata;
	case 2:
		return m->metadata + VHDX_TABLE_SIZE;
	case 3:
	case 4:
	case 5:
		return m->bat + VHDX_PAGE * random_below(m->random, 3);
	case 6:
		return ALIGN_DOWN(m->layer->size, (u64)VHDX_PAGE) -
		       VHDX_PAGE * random_below(m->random, 3) +
		       VHDX_PAGE * random_below(m->random, 3);
	default:
		return VHDX_PAGE * random_below(m->random, 16384);
	}
}

static void write_zero(struct mutation *m, u64 at, u64 target)
{
	put(m, at, 4, VHDX_LOG_ZERO_SIGNATURE);
	put(m, at + 8, 8, VHDX_PAGE << random_below(m->random, 10));
	put(m, at + 16, 8, target);
}

/* The page as it is in the file, with one byte changed now and then. */
static void write_data(struct mutation *m, u64 at, u64 data, u64 target)
{
	u8 page[VHDX_PAGE];

	fuzz_layer_read(m->layer, target, page, sizeof(page));
	if (random_once_in(m->random, 2))
		page[random_below(m->random, 256)] = random_next(m->random);
	put(m, at, 4, VHDX_LOG_DESC_SIGNATURE);
	fuzz_layer_write(m->input, m->layer, ring(m, at + 4), page + 4092, 4);
	fuzz_layer_write(m->input, m->layer, ring(m, at + 8), page, 8);
	put(m, at + 16, 8, target);
	fuzz_layer_add(m->input, m->layer, ring(m, data) + 8, 512, page + 8,
		       512);
}

static void write_header(struct mutation *m, u64 at, u64 tail, u64 sequence,
			 u32 descriptors)
{
	put(m, at, 4, VHDX_LOG_ENTRY_SIGNATURE);
	put(m, at + 12, 4, tail);
	put(m, at + 16, 8, sequence);
	put(m, at + 24, 4, descriptors);
	put(m, at + 48, 8, 0);
	put(m, at + 56, 8, m->layer->size);
}

/* Returns the bytes of the entry. */
static u64 write_entry(struct mutation *m, u64 at, u64 tail, u64 sequence)
{
	u32 descriptors = random_below(m->random, ENTRY_PAGES);
	u64 data = at + VHDX_PAGE;
	u32 i;

	write_header(m, at, tail, sequence, descriptors);
	for (i = 0; i < descriptors; i++) {
		u64 desc = at + 64 + 32 * i;

		if (random_once_in(m->random, 3)) {
			write_zero(m, desc, choose_target(m));
		} else {
			write_data(m, desc, data, choose_target(m));
			data += VHDX_PAGE;
		}
	}
	return data - at;
}

/* A sequence of entries, at the start or across the end of the ring. */
static void forge(struct mutation *m)
{
	u64 at = random_once_in(m->random, 3) ?
		 m->log_length - VHDX_PAGE * random_below(m->random, 4) :
		 VHDX_PAGE * random_below(m->random, 8);
	u64 sequence = 1 + random_below(m->random, 1000);
	u32 entries = 1 + random_below(m->random, 4);
	u64 tail = at % m->log_length;

	make_dirty(m);
	while (entries--) {
		if (random_once_in(m->random, 4))
			tail = at % m->log_length;
		at += write_entry(m, at, tail, sequence++);
	}
}

/* One entry of so many descriptors that their pages repeat. */
static void forge_many(struct mutation *m)
{
	u64 at = VHDX_PAGE * random_below(m->random, 8);
	u32 pages = 1 + random_below(m->random,
				     random_once_in(m->random, 8) ? 250 : 4);
	u64 target = choose_target(m);
	u8 desc[32];

	make_dirty(m);
	write_header(m, at, at, 7, 126 + 128 * (pages - 1));
	write_zero(m, at + 64, target);
	put(m, at + 64 + 24, 8, 7);
	fuzz_layer_read(m->layer, ring(m, at + 64), desc, sizeof(desc));
	fuzz_layer_add(m->input, m->layer, ring(m, at) + 64,
		       pages * VHDX_PAGE - 64, desc, sizeof(desc));
}

/* A page of the log that begins an entry, or the first one. */
static u64 find_entry(struct mutation *m)
{
	u32 tries = 16;

	while (tries--) {
		u64 extent = random_below(m->random, m->layer->count);
		u64 at = m->layer->extent[extent].offset - m->log;

		at = ALIGN_DOWN(at, (u64)VHDX_PAGE);
		if (at < m->log_length &&
		    get(m, at, 4) == VHDX_LOG_ENTRY_SIGNATURE)
			return at;
	}
	return 0;
}

static void copy_page(struct mutation *m, u64 from, u64 to)
{
	u8 page[512];

	fuzz_layer_read(m->layer, ring(m, from), page, sizeof(page));
	fuzz_layer_write(m->input, m->layer, ring(m, to), page, sizeof(page));
}

/* The sequence goes on: the entry again behind itself, with the next number. */
static void append(struct mutation *m, u64 at)
{
	u64 length = get(m, at + 8, 4);
	u64 done;

	if (length > ENTRY_PAGES * VHDX_PAGE)
		return;
	for (done = 0; done < length; done += VHDX_PAGE)
		copy_page(m, at + done, at + length + done);
	put(m, at + length + 16, 8, get(m, at + 16, 8) + 1);
}

/* A number of the entry's header or of one of its descriptors. */
static void bend(struct mutation *m, u64 at)
{
	static const struct {
		u8 offset;
		u8 width;
		bool in_desc;
	} fields[] = {
		{ 8, 4, false }, { 12, 4, false }, { 12, 4, false },
		{ 16, 8, false }, { 24, 4, false }, { 24, 4, false },
		{ 48, 8, false }, { 56, 8, false }, { 0, 4, true },
		{ 8, 8, true }, { 16, 8, true }, { 16, 8, true },
		{ 24, 8, true },
	};
	u32 i = random_below(m->random, ARRAY_SIZE(fields));
	u64 pos = at + fields[i].offset;
	u64 old;

	if (fields[i].in_desc)
		pos += 64 + 32 * random_below(m->random, 6);
	old = get(m, pos, fields[i].width);
	/* A wrong number is to stay now and then. */
	if (random_once_in(m->random, 3))
		m->input->repair &= ~FUZZ_REPAIR_LOG_LENGTH;
	if (fields[i].in_desc && !fields[i].offset)
		put(m, pos, 4, random_once_in(m->random, 2) ?
		    VHDX_LOG_ZERO_SIGNATURE : VHDX_LOG_DESC_SIGNATURE);
	else
		put(m, pos, fields[i].width,
		    mutate_number(m, old, fields[i].width));
}

/**
 * mutate_log() - write, copy or bend entries of the log
 * @m: the file
 */
void mutate_log(struct mutation *m)
{
	if (!m->layer->count || m->log_length < VHDX_MIB ||
	    m->log_length > 64 * VHDX_MIB || m->log > m->layer->size)
		return;
	switch (random_below(m->random, 8)) {
	case 0:
	case 1:
		forge(m);
		break;
	case 2:
		forge_many(m);
		break;
	case 3:
		append(m, find_entry(m));
		break;
	default:
		bend(m, find_entry(m));
	}
}
