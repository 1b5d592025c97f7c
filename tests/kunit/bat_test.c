// SPDX-License-Identifier: GPL-2.0-only
/* engine/bat.c: the arithmetic of the BAT, and which entries can be used. */
#include "fixture.h"
#include "gather.h"
#include "suites.h"

#define MIB VHDX_MIB

struct geometry_case {
	u64 size;
	u64 block_size;
	u32 sector;
	bool differencing;
	u64 blocks;
	u64 chunks;
	u64 entries;
	u64 pages;
};

/* Worked out by hand from [MS-VHDX] 2.5. */
static const struct geometry_case geometry_cases[] = {
	/* The greatest BAT that there can be: 512 MiB and 128 KiB. */
	{ 64 * VHDX_TIB, MIB, 512, false, 67108864, 16384, 67125247, 131104 },
	{ 64 * VHDX_TIB, MIB, 512, true, 67108864, 16384, 67125248, 131104 },
	{ 64 * VHDX_TIB, MIB, 4096, false, 67108864, 2048, 67110911, 131076 },
	{ 64 * VHDX_TIB, 256 * MIB, 512, true, 262144, 16384, 278528, 544 },
	{ 64 * VHDX_TIB, 256 * MIB, 4096, false, 262144, 2048, 264191, 516 },
	/* One sector is one block. */
	{ 512, MIB, 512, false, 1, 1, 1, 1 },
	{ 512, MIB, 512, true, 1, 1, 4097, 9 },
	{ 4096, 256 * MIB, 4096, true, 1, 1, 129, 1 },
	/* Around a block. */
	{ MIB, MIB, 512, false, 1, 1, 1, 1 },
	{ MIB + 512, MIB, 512, false, 2, 1, 2, 1 },
	/* Around a chunk of 4 GiB: 4096 blocks of 1 MiB. */
	{ 4096 * MIB - 512, MIB, 512, false, 4096, 1, 4096, 8 },
	{ 4096 * MIB, MIB, 512, false, 4096, 1, 4096, 8 },
	{ 4096 * MIB + 512, MIB, 512, false, 4097, 2, 4098, 9 },
	{ 4096 * MIB, MIB, 512, true, 4096, 1, 4097, 9 },
	{ 4096 * MIB + 512, MIB, 512, true, 4097, 2, 8194, 17 },
	/* Around a chunk of 32 GiB: 1024 blocks of 32 MiB. */
	{ 32768 * MIB, 32 * MIB, 4096, false, 1024, 1, 1024, 2 },
	{ 32768 * MIB + 4096, 32 * MIB, 4096, false, 1025, 2, 1026, 3 },
	/* 16 blocks of 256 MiB, the least chunk ratio. */
	{ 16 * 256 * MIB, 256 * MIB, 512, false, 16, 1, 16, 1 },
	{ 17 * 256 * MIB, 256 * MIB, 512, false, 17, 2, 18, 1 },
	{ 17 * 256 * MIB, 256 * MIB, 512, true, 17, 2, 34, 1 },
};

static void geometry_case_name(const struct geometry_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE,
		 "%llu bytes, blocks of %llu MiB, sectors of %u%s", c->size,
		 c->block_size / MIB, c->sector,
		 c->differencing ? ", differencing" : "");
}

KUNIT_ARRAY_PARAM(geometry, geometry_cases, geometry_case_name);

static void make_bat(struct vhdx_bat *bat, u64 size, u32 block_size,
		     u32 sector, bool differencing)
{
	struct vhdx_params params = {
		.size = size,
		.block_size = block_size,
		.logical_sector = sector,
		.has_parent = differencing,
	};

	vhdx_bat_init(bat, &params, 3 * MIB);
}

static void geometry(struct kunit *test)
{
	const struct geometry_case *c = test->param_value;
	struct vhdx_bat bat;

	make_bat(&bat, c->size, c->block_size, c->sector, c->differencing);
	KUNIT_EXPECT_EQ(test, bat.offset, 3 * MIB);
	KUNIT_EXPECT_EQ(test, bat.size, c->size);
	KUNIT_EXPECT_EQ(test, 1ULL << bat.block_shift, c->block_size);
	KUNIT_EXPECT_EQ(test, vhdx_bat_block_size(&bat), c->block_size);
	KUNIT_EXPECT_EQ(test, 1U << bat.sector_shift, c->sector);
	KUNIT_EXPECT_EQ(test, bat.differencing, c->differencing);
	KUNIT_EXPECT_EQ(test, bat.blocks, c->blocks);
	KUNIT_EXPECT_EQ(test, bat.chunks, c->chunks);
	KUNIT_EXPECT_EQ(test, bat.entries, c->entries);
	KUNIT_EXPECT_EQ(test, bat.pages, c->pages);
}

/* Every block size with every sector size. */
struct ratio_case {
	u32 blocks; /* MiB */
	u32 sector;
};

static const struct ratio_case ratio_cases[] = {
	{ 1, 512 }, { 2, 512 }, { 4, 512 }, { 8, 512 }, { 16, 512 },
	{ 32, 512 }, { 64, 512 }, { 128, 512 }, { 256, 512 },
	{ 1, 4096 }, { 2, 4096 }, { 4, 4096 }, { 8, 4096 }, { 16, 4096 },
	{ 32, 4096 }, { 64, 4096 }, { 128, 4096 }, { 256, 4096 },
};

static void ratio_case_name(const struct ratio_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE,
		 "blocks of %u MiB, sectors of %u", c->blocks, c->sector);
}

KUNIT_ARRAY_PARAM(ratio, ratio_cases, ratio_case_name);

/*
 * The BAT laid out one entry after the other, as the specification tells it:
 * after each chunk ratio of payload entries one for the sector bitmap. Three
 * chunks and a bit.
 */
static void index_against_layout(struct kunit *test)
{
	const struct ratio_case *c = test->param_value;
	u64 block_size = c->blocks * MIB;
	u64 ratio = (1ULL << 23) * c->sector / block_size;
	u64 block = 0, chunk = 0, in_chunk = 0, number, index;
	struct vhdx_bat bat;
	bool payload;

	make_bat(&bat, (3 * ratio + 7) * block_size, block_size, c->sector,
		 true);
	KUNIT_EXPECT_EQ(test, 1ULL << bat.ratio_shift, ratio);
	KUNIT_EXPECT_EQ(test, bat.entries, 4 * (ratio + 1));
	for (index = 0; index < bat.entries; index++) {
		payload = vhdx_bat_entry_at(&bat, index, &number);
		if (in_chunk < ratio) {
			if (!payload || number != block ||
			    vhdx_bat_payload_index(&bat, block) != index)
				KUNIT_FAIL(test, "block %llu", block);
			block++;
			in_chunk++;
		} else {
			if (payload || number != chunk ||
			    vhdx_bat_bitmap_index(&bat, chunk) != index)
				KUNIT_FAIL(test, "chunk %llu", chunk);
			chunk++;
			in_chunk = 0;
		}
	}
	KUNIT_EXPECT_EQ(test, chunk, bat.chunks);
	KUNIT_EXPECT_GE(test, block, bat.blocks);
}

static void file_offset(struct kunit *test)
{
	struct vhdx_bat bat;
	struct vhdx_place at;

	make_bat(&bat, 64 * VHDX_TIB, MIB, 512, false);
	KUNIT_EXPECT_EQ(test, vhdx_bat_file_offset(&bat, 0), 3 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_bat_file_offset(&bat, 67125246),
			3 * MIB + 8ULL * 67125246);
	at = vhdx_bat_place(&bat, 12);
	KUNIT_EXPECT_STREQ(test, at.name, "BAT entry");
	KUNIT_EXPECT_EQ(test, at.index, 12);
	KUNIT_EXPECT_EQ(test, at.offset, 3 * MIB + 96);
}

/* State, reserved bits and offset are told apart. */
static void entry_parts(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vhdx_entry_state(0xFFFFFFFFFFFFFFFFULL), 7);
	KUNIT_EXPECT_EQ(test, vhdx_entry_state(0xFFFFFFFFFFFFFFF8ULL), 0);
	KUNIT_EXPECT_EQ(test, vhdx_entry_offset(0xFFFFFFFFFFFFFFFFULL),
			0xFFFFFFFFFFF00000ULL);
	KUNIT_EXPECT_EQ(test, vhdx_entry_offset(0x00000000000FFFFFULL), 0);
	KUNIT_EXPECT_EQ(test, vhdx_entry_offset(0x0000000000100006ULL), MIB);
}

static void state_names(struct kunit *test)
{
	static const char *const names[] = {
		"NOT_PRESENT", "UNDEFINED", "ZERO",	     "UNMAPPED",
		"reserved",    "reserved",  "FULLY_PRESENT", "PARTIALLY_PRESENT",
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		KUNIT_EXPECT_STREQ(test, vhdx_state_name(i), names[i]);
}

/*
 * A disk of 5 GiB less a bit in blocks of 1 MiB: 5120 blocks, 2 chunks of 4096.
 * The file has header section, log, metadata and a BAT of 1 MiB, and ends at
 * 100 MiB.
 */
struct use_case {
	const char *name;
	u64 index;
	u64 entry;
	bool differencing;
	u64 file_size; /* 0: 100 MiB */
	const char *lines; /* NULL: it can be used */
};

#define FIXED "its space belongs to the header section, the log or a region"
#define PAST "its space lies past the end of the file"
#define ENDS "its space ends past the end of the file"
#define ENTRY_9 "error: BAT entry 9 at offset 0x300048: payload block 9, "
#define ENTRY_LAST "error: BAT entry 5120 at offset 0x30a000: payload block 5119, "
#define BITMAP_0 "error: BAT entry 4096 at offset 0x308000: sector bitmap block 0, "

static const struct use_case use_cases[] = {
	{ "not present", 9, 0 },
	{ "not present, with an offset", 9, 0xFFFFFFFFFFF00000ULL },
	{ "undefined, with an offset", 9, 2 * MIB | 1 },
	{ "zero", 9, 2 },
	{ "zero, with an offset", 9, 1ULL << 60 | 2 },
	{ "unmapped", 9, 3 },
	{ "state 4", 9, 4 * MIB | 4, false, 0,
	  ENTRY_9 "state 4 (reserved), at 0x400000: its state is reserved\n" },
	{ "state 5", 9, 5, false, 0,
	  ENTRY_9 "state 5 (reserved), at 0x0: its state is reserved\n" },
	{ "present", 9, 4 * MIB | 6 },
	{ "present, at the end", 9, 99 * MIB | 6 },
	{ "present, reserved bits", 9, 4 * MIB | 0xFFFF8 | 6 },
	{ "partially present", 9, 4 * MIB | 7, true },
	{ "partially present, no parent", 9, 4 * MIB | 7 },
	{ "offset 0", 9, 6, false, 0,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0x0: " FIXED "\n" },
	{ "on the log", 9, MIB | 6, false, 0,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0x100000: " FIXED "\n" },
	{ "on the BAT, partially", 9, 3 * MIB | 7, true, 0,
	  ENTRY_9 "state 7 (PARTIALLY_PRESENT), at 0x300000: " FIXED "\n" },
	{ "past the end", 9, 100 * MIB | 6, false, 0,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0x6400000: " PAST "\n" },
	{ "far past the end", 9, 1ULL << 50 | 6, false, 0,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0x4000000000000: " PAST "\n" },
	{ "the greatest offset", 9, 0xFFFFFFFFFFF00006ULL, false, 0,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0xfffffffffff00000: " PAST "\n" },
	{ "a byte past the end", 9, 99 * MIB | 6, false, 100 * MIB - 1,
	  ENTRY_9 "state 6 (FULLY_PRESENT), at 0x6300000: " ENDS "\n" },
	{ "the last block", 5120, 99 * MIB | 6 },
	{ "the last block, a byte past the end", 5120, 99 * MIB | 6, false,
	  100 * MIB - 1 },
	{ "the last block, of one byte", 5120, 99 * MIB | 6, false,
	  99 * MIB + 1,
	  ENTRY_LAST "state 6 (FULLY_PRESENT), at 0x6300000: " ENDS "\n" },
	{ "the last block, of no byte", 5120, 99 * MIB | 6, false, 99 * MIB,
	  ENTRY_LAST "state 6 (FULLY_PRESENT), at 0x6300000: " PAST "\n" },
	{ "the last but one, a byte past the end", 5119, 99 * MIB | 6, false,
	  100 * MIB - 1,
	  "error: BAT entry 5119 at offset 0x309ff8: payload block 5118, state 6 (FULLY_PRESENT), at 0x6300000: "
	  ENDS "\n" },
	{ "sector bitmap, absent", 4096, 0, true },
	{ "sector bitmap, present", 4096, 99 * MIB | 6, true },
	{ "sector bitmap, absent with an offset", 4096, 1ULL << 60, true },
	{ "sector bitmap on the metadata", 4096, 2 * MIB | 6, true, 0,
	  BITMAP_0 "state 6 (FULLY_PRESENT), at 0x200000: " FIXED "\n" },
	{ "sector bitmap past the end", 4096, 100 * MIB | 6, true, 0,
	  BITMAP_0 "state 6 (FULLY_PRESENT), at 0x6400000: " PAST "\n" },
	{ "sector bitmap, a byte past the end", 4096, 99 * MIB | 6, true,
	  100 * MIB - 1,
	  BITMAP_0 "state 6 (FULLY_PRESENT), at 0x6300000: " ENDS "\n" },
	{ "the last sector bitmap, a byte past the end", 8193, 99 * MIB | 6,
	  true, 100 * MIB - 1,
	  "error: BAT entry 8193 at offset 0x310008: sector bitmap block 1, state 6 (FULLY_PRESENT), at 0x6300000: "
	  ENDS "\n" },
	{ "sector bitmap, state 1", 4096, 1, true, 0,
	  BITMAP_0 "state 1 (UNDEFINED), at 0x0: its state is reserved\n" },
	{ "sector bitmap, state 2", 4096, 2, true, 0,
	  BITMAP_0 "state 2 (ZERO), at 0x0: its state is reserved\n" },
	{ "sector bitmap, state 3", 4096, 3, true, 0,
	  BITMAP_0 "state 3 (UNMAPPED), at 0x0: its state is reserved\n" },
	{ "sector bitmap, state 7", 4096, 7, true, 0,
	  BITMAP_0 "state 7 (PARTIALLY_PRESENT), at 0x0: its state is reserved\n" },
	/* Without a parent they are never looked at. */
	{ "garbage for a sector bitmap", 4096, 0xFFFFFFFFFFFFFFFFULL },
	{ "a sector bitmap on the log", 4096, MIB | 6 },
	/* Padding of both kinds. */
	{ "behind the last entry", 5121, 5 },
	{ "behind the last block", 5121, 5, true },
	{ "behind the last sector bitmap", 8194, 5, true },
	{ "a sector bitmap behind the last one", 12290, 5, true },
	{ "far behind", 131071, 0xFFFFFFFFFFFFFFFFULL, true },
};

static void use_case_name(const struct use_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(use, use_cases, use_case_name);

static void check_entry(struct kunit *test)
{
	const struct use_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_region all[] = {
		{ .name = "header section", .offset = 0, .length = MIB },
		{ .name = "log", .offset = MIB, .length = MIB },
		{ .name = "metadata", .offset = 2 * MIB, .length = MIB },
		{ .name = "BAT", .offset = 3 * MIB, .length = MIB },
	};
	struct vhdx_regions regions = { .all = all, .count = ARRAY_SIZE(all) };
	struct vhdx_bat_limits limits = {
		.regions = &regions,
		.file_size = c->file_size ? c->file_size : 100 * MIB,
	};
	struct vhdx_gather gather;
	enum vhdx_fault fault;
	struct vhdx_bat bat;

	make_bat(&bat, 5120 * MIB - 512, MIB, 512, c->differencing);
	fault = vhdx_bat_fault(&bat, &limits, c->index, c->entry);
	KUNIT_EXPECT_EQ(test, fault != VHDX_FAULT_NONE, !!c->lines);
	vhdx_gather_init(&gather, &bat, &limits, &f->found.report);
	if (fault)
		vhdx_gather_add(&gather, VHDX_WRONG_FAULT, c->index, c->entry,
				fault);
	vhdx_gather_end(&gather);
	fixture_expect(test, c->lines ? c->lines : "");
}

/* By hand: what lies last, each block once, a MiB a chunk, and 1 GiB. */
static void file_limit(struct kunit *test)
{
	struct vhdx_region all[] = {
		{ .name = "header section", .offset = 0, .length = MIB },
		{ .name = "BAT", .offset = 7 * MIB, .length = 2 * MIB },
	};
	struct vhdx_regions regions = { .all = all, .count = ARRAY_SIZE(all) };
	struct vhdx_bat bat;

	make_bat(&bat, 5120 * MIB - 512, 2 * MIB, 512, false);
	KUNIT_EXPECT_EQ(test, vhdx_bat_file_limit(&bat, &regions, 0),
			(9 + 5120 + 1024) * MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_bat_file_limit(&bat, &regions, 5129 * MIB + 512),
			(5129 + 1024) * MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_bat_file_limit(&bat, &regions, 9000 * MIB + 512),
			(9000 + 1024) * MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_bat_file_limit(&bat, &regions, VHDX_FILE_SIZE_MAX),
			VHDX_FILE_SIZE_MAX);
	make_bat(&bat, 5120 * MIB - 512, 2 * MIB, 512, true);
	KUNIT_EXPECT_EQ(test, vhdx_bat_file_limit(&bat, &regions, 0),
			(9 + 5120 + 2 + 1024) * MIB);
}

static struct kunit_case bat_cases[] = {
	KUNIT_CASE_PARAM(geometry, geometry_gen_params),
	KUNIT_CASE_PARAM(index_against_layout, ratio_gen_params),
	KUNIT_CASE(file_offset),
	KUNIT_CASE(entry_parts),
	KUNIT_CASE(state_names),
	KUNIT_CASE_PARAM(check_entry, use_gen_params),
	KUNIT_CASE(file_limit),
	{}
};

struct kunit_suite vhdx_bat_suite = {
	.name = "vhdx_bat",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = bat_cases,
};
