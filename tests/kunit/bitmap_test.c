// SPDX-License-Identifier: GPL-2.0-only
/* engine/bitmap.c: runs of sectors in a sector bitmap. */
#include <kunit/test.h>

#include "bitmap.h"
#include "suites.h"

#define BITS 32768U

/* As vhdx_bitmap_run() uses it. */
static struct vhdx_bat make_bat(u32 sector)
{
	struct vhdx_params params = {
		.size = 64 * VHDX_TIB,
		.block_size = 32 * VHDX_MIB,
		.logical_sector = sector,
		.has_parent = true,
	};
	struct vhdx_bat bat;

	vhdx_bat_init(&bat, &params, 3 * VHDX_MIB);
	return bat;
}

static u8 *make_page(struct kunit *test)
{
	u8 *page = kunit_kzalloc(test, VHDX_PAGE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

struct page_case {
	u32 sector;
	u64 pos;
	u64 index;
};

/* A page covers 16 MiB with sectors of 512 bytes, 128 MiB with 4096. */
static const struct page_case page_cases[] = {
	{ 512, 0, 0 },
	{ 512, 16 * VHDX_MIB - 512, 0 },
	{ 512, 16 * VHDX_MIB, 1 },
	{ 512, 4096 * VHDX_MIB - 512, 255 },
	{ 512, 4096 * VHDX_MIB, 256 },
	{ 512, 64 * VHDX_TIB - 512, 16384 * 256 - 1 },
	{ 4096, 128 * VHDX_MIB - 4096, 0 },
	{ 4096, 128 * VHDX_MIB, 1 },
	{ 4096, 32768 * VHDX_MIB, 256 },
	{ 4096, 64 * VHDX_TIB - 4096, 2048 * 256 - 1 },
};

static void page_case_name(const struct page_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "sectors of %u, at 0x%llx",
		 c->sector, c->pos);
}

KUNIT_ARRAY_PARAM(page, page_cases, page_case_name);

static void which_page(struct kunit *test)
{
	const struct page_case *c = test->param_value;
	struct vhdx_bat bat = make_bat(c->sector);

	KUNIT_EXPECT_EQ(test, vhdx_bitmap_page(&bat, c->pos), c->index);
}

/* Sectors [start, end) are present; everything is in sectors. */
struct run_case {
	const char *name;
	u32 start, end;
	u32 pos, len;
	u32 want;
	bool present;
};

static const struct run_case run_cases[] = {
	{ "nothing is present", 0, 0, 0, 8, 8, false },
	{ "nothing, up to the page's end", 0, 0, 0, BITS, BITS, false },
	{ "nothing, over the page's end", 0, 0, 5, BITS, BITS - 5, false },
	{ "all is present", 0, BITS, 0, 8, 8, true },
	{ "all, over the page's end", 0, BITS, BITS - 1, 100, 1, true },
	{ "all, far over the page's end", 0, BITS, 3, 3 * BITS, BITS - 3,
	  true },
	{ "bit 0 is the first sector", 0, 1, 0, 8, 1, true },
	{ "and not the second", 0, 1, 1, 8, 8, false },
	{ "bit 7", 7, 8, 0, 16, 7, false },
	{ "from bit 7", 7, 8, 7, 16, 1, true },
	{ "over a byte", 7, 9, 7, 16, 2, true },
	{ "over a word", 60, 70, 60, 100, 10, true },
	{ "up to a word", 60, 64, 60, 100, 4, true },
	{ "from a word", 64, 70, 0, 100, 64, false },
	{ "inside", 100, 200, 150, 1000, 50, true },
	{ "cut by the length", 100, 200, 150, 20, 20, true },
	{ "one sector", 100, 200, 199, 1, 1, true },
	{ "one sector behind", 100, 200, 200, 1, 1, false },
	{ "the last one", BITS - 1, BITS, BITS - 1, 1, 1, true },
	{ "before the last one", BITS - 1, BITS, 0, BITS, BITS - 1, false },
};

static void run_case_name(const struct run_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(run, run_cases, run_case_name);

static void run_exact(struct kunit *test)
{
	static const u32 sectors[] = { 512, 4096 };
	const struct run_case *c = test->param_value;
	u8 *page = make_page(test);
	u32 i, base;

	for (i = c->start; i < c->end; i++)
		page[i / 8] |= 1 << i % 8;
	for (i = 0; i < ARRAY_SIZE(sectors); i++) {
		struct vhdx_bat bat = make_bat(sectors[i]);

		/* The same page serves another place on the disk alike. */
		for (base = 0; base < 3; base++) {
			u64 first = (u64)base * BITS + c->pos;
			bool present;
			u64 got;

			got = vhdx_bitmap_run(&bat, page, first * sectors[i],
					      (u64)c->len * sectors[i],
					      &present);
			KUNIT_EXPECT_EQ(test, got, (u64)c->want * sectors[i]);
			KUNIT_EXPECT_EQ(test, present, c->present);
		}
	}
}

/* Runs of all lengths, bit by bit. */
static void run_against_bits(struct kunit *test)
{
	struct vhdx_bat bat = make_bat(512);
	u8 *page = make_page(test);
	u32 random = 815, bit = 0, i;

	while (bit < BITS) {
		u32 length;

		random = random * 1664525 + 1013904223;
		length = 1 + (random >> 8) % (random >> 28 ? 20 : 300);
		for (i = bit; i < min(bit + length, BITS); i++)
			if (random >> 27 & 1)
				page[i / 8] |= 1 << i % 8;
		bit += length;
	}
	for (bit = 0; bit < BITS; bit += 13) {
		u32 len = min(500U, BITS - bit), want = 1;
		bool first = page[bit / 8] >> bit % 8 & 1;
		bool present;
		u64 got;

		while (want < len && (page[(bit + want) / 8] >>
				      (bit + want) % 8 & 1) == first)
			want++;
		got = vhdx_bitmap_run(&bat, page, bit * 512ULL, len * 512ULL,
				      &present);
		if (present != first || got != want * 512ULL)
			KUNIT_FAIL(test, "bit %u: %llu bytes, should be %u",
				   bit, got, want * 512);
	}
}

/* Sectors [pos, pos + len), of which those past the page are left out. */
struct edge_case {
	const char *name;
	u32 pos, len;
	u32 end;
};

static const struct edge_case edge_cases[] = {
	{ "the first bit", 0, 1, 1 },
	{ "the last bit of a byte", 7, 1, 8 },
	{ "the first of the next", 8, 1, 9 },
	{ "a byte", 8, 8, 16 },
	{ "within a byte", 10, 3, 13 },
	{ "over a byte's edge", 7, 2, 9 },
	{ "up to a byte's edge", 3, 5, 8 },
	{ "over two edges", 6, 12, 18 },
	{ "over a word", 60, 70, 130 },
	{ "the last bit", BITS - 1, 1, BITS },
	{ "over the page's end", BITS - 3, 100, BITS },
	{ "all", 0, BITS, BITS },
	{ "far over the page's end", 5, 3 * BITS, BITS },
};

static void edge_case_name(const struct edge_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(edge, edge_cases, edge_case_name);

static void expect_bits(struct kunit *test, const u8 *page,
			const struct edge_case *c, bool inside)
{
	u32 i, wrong = 0;

	for (i = 0; i < BITS; i++) {
		bool in = i >= c->pos && i < c->end;

		wrong += (page[i / 8] >> i % 8 & 1) != (in == inside);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Exactly those bits change, and exactly those are looked at. */
static void change_exact(struct kunit *test, u32 sector)
{
	const struct edge_case *c = test->param_value;
	struct vhdx_bat bat = make_bat(sector);
	u64 pos = (2ULL * BITS + c->pos) * sector;
	u64 len = (u64)c->len * sector;
	u8 *page = make_page(test);

	vhdx_bitmap_set(&bat, page, pos, len);
	expect_bits(test, page, c, true);
	KUNIT_EXPECT_TRUE(test, vhdx_bitmap_has(&bat, page, pos, len));
	KUNIT_EXPECT_FALSE(test, vhdx_bitmap_lacks(&bat, page, pos, len));
	page[(c->end - 1) / 8] ^= 1 << (c->end - 1) % 8;
	KUNIT_EXPECT_TRUE(test, vhdx_bitmap_lacks(&bat, page, pos, len));
	memset(page, 0xFF, VHDX_PAGE);
	vhdx_bitmap_clear(&bat, page, pos, len);
	expect_bits(test, page, c, false);
	KUNIT_EXPECT_FALSE(test, vhdx_bitmap_has(&bat, page, pos, len));
	KUNIT_EXPECT_TRUE(test, vhdx_bitmap_lacks(&bat, page, pos, len));
	page[(c->end - 1) / 8] ^= 1 << (c->end - 1) % 8;
	KUNIT_EXPECT_TRUE(test, vhdx_bitmap_has(&bat, page, pos, len));
}

static void change_bits(struct kunit *test)
{
	change_exact(test, 512);
	change_exact(test, 4096);
}

static struct kunit_case bitmap_cases[] = {
	KUNIT_CASE_PARAM(change_bits, edge_gen_params),
	KUNIT_CASE_PARAM(which_page, page_gen_params),
	KUNIT_CASE_PARAM(run_exact, run_gen_params),
	KUNIT_CASE(run_against_bits),
	{}
};

struct kunit_suite vhdx_bitmap_suite = {
	.name = "vhdx_bitmap",
	.test_cases = bitmap_cases,
};
