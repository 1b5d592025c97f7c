// SPDX-License-Identifier: GPL-2.0-only
/* engine/gather.c: blocks with the same wrong are told once, as a run. */
#include "check.h"
#include "fixture.h"
#include "gather.h"
#include "suites.h"

#define MIB VHDX_MIB

/* What is wrong with blocks 5 to 7 of an image of 64 blocks of 1 MiB. */
static void three(struct builder *b, u64 value)
{
	u32 i;

	builder_alloc(b, 4 * MIB); /* 4 to 7 */
	for (i = 0; i < 3; i++)
		builder_entry(b, 5 + i, value + i * MIB);
}

/* The offset of the first one alone differs from the others'. */
static void three_states(struct builder *b, u64 value)
{
	three(b, value);
	builder_entry(b, 5, 5);
}

static void with_gap(struct builder *b, u64 value)
{
	three(b, value);
	builder_entry(b, 6, 0);
}

static void two_kinds(struct builder *b, u64 value)
{
	three(b, value);
	builder_entry(b, 6, (value + MIB) | 0x80000);
	builder_entry(b, 8, 5);
}

static void partial(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	three(b, value);
}

#define RUN_5 "BAT entries 5 to 7 at offset 0x300028: "
#define ENTRY(n, pos) "BAT entry " #n " at offset 0x3000" #pos ": "

static const struct fixture_case gather_cases[] = {
	{ "a fault", three, 5, 3,
	  "error: " RUN_5
	  "payload blocks 5 to 7, state 5 (reserved), at 0x0 to 0x200000: their state is reserved\n"
	},
	{ "on the regions", three, MIB | 6, 3,
	  "error: " RUN_5
	  "payload blocks 5 to 7, state 6 (FULLY_PRESENT), at 0x100000 to 0x300000: their space belongs to the header section, the log or a region\n"
	},
	{ "faults of two kinds", three_states, 5 * MIB | 4, 3,
	  "error: " ENTRY(5, 28)
	  "payload block 5, state 5 (reserved), at 0x0: its state is reserved\n"
	  "error: BAT entries 6 to 7 at offset 0x300030: payload blocks 6 to 7, state 4 (reserved), at 0x600000 to 0x700000: their state is reserved\n"
	},
	{ "a block between them", with_gap, 5, 2,
	  "error: " ENTRY(5, 28)
	  "payload block 5, state 5 (reserved), at 0x0: its state is reserved\n"
	  "error: " ENTRY(7, 38)
	  "payload block 7, state 5 (reserved), at 0x200000: its state is reserved\n"
	},
	{ "reserved bits", three, 5 * MIB | 0x10006, 0,
	  "read-only: " RUN_5
	  "reserved bits are set: 0x10000\n" },
	{ "partially present, no parent", three, 5 * MIB | 7, 0,
	  "read-only: " RUN_5
	  "payload blocks 5 to 7 are partially present in an image without a parent; they are read as fully present\n"
	},
	{ "one thing wrong with three, another with one", two_kinds,
	  5 * MIB | 7, 1,
	  "read-only: " ENTRY(6, 30)
	  "reserved bits are set: 0x80000\n"
	  "read-only: " RUN_5
	  "payload blocks 5 to 7 are partially present in an image without a parent; they are read as fully present\n"
	  "error: " ENTRY(8, 40)
	  "payload block 8, state 5 (reserved), at 0x0: its state is reserved\n"
	},
	{ "ZERO with an offset", three, 5 * MIB | 2, 0,
	  "warning: " RUN_5
	  "payload blocks 5 to 7 are zero and name the offsets 0x500000 to 0x700000; Hyper-V wants 0 there\n"
	},
	{ "no sector bitmap", partial, 5 * MIB | 7, 3,
	  "error: " RUN_5
	  "payload blocks 5 to 7 are partially present, but the sector bitmap of chunk 0 is absent\n"
	},
	{ "unmapped, on the regions", three, MIB | 3, 0,
	  "read-only: " RUN_5
	  "payload blocks 5 to 7 are UNMAPPED and keep space at 0x100000 to 0x300000, which belongs to the header section, the log or a region\n"
	},
	{ "undefined, past the end", three, 8 * MIB | 1, 0,
	  "read-only: " RUN_5
	  "payload blocks 5 to 7 are UNDEFINED and keep space at 0x800000 to 0xa00000 that ends past the end of the file at 0x800000\n"
	},
};

KUNIT_ARRAY_PARAM(gather, gather_cases, fixture_case_name);

/* @error is the number of faulty entries here. */
static void gather_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->value);
	KUNIT_EXPECT_EQ(test, fixture_check(test).faulty, c->error);
	fixture_expect(test, c->lines);
}

/* A place that an unmapped block keeps, one at a time. */
static void anchor(struct builder *b, u64 value)
{
	builder_entry(b, 5, value);
}

#define KEEPS "read-only: " ENTRY(5, 28) "payload block 5 is UNMAPPED and keeps space at "
#define TAKEN ", which belongs to the header section, the log or a region\n"
#define BEYOND " that ends past the end of the file at 0x400000\n"

static const struct fixture_case anchor_cases[] = {
	{ "on the log", anchor, MIB | 3, 0, KEEPS "0x100000" TAKEN },
	{ "on the metadata", anchor, 2 * MIB | 3, 0, KEEPS "0x200000" TAKEN },
	{ "on the BAT", anchor, 3 * MIB | 3, 0, KEEPS "0x300000" TAKEN },
	{ "at the end of the file", anchor, 4 * MIB | 3, 0,
	  KEEPS "0x400000" BEYOND },
	{ "far away", anchor, 16 * VHDX_TIB | 3, 0,
	  KEEPS "0x100000000000" BEYOND },
	{ "up to 2^64", anchor, 0xFFFFFFFFFFF00003ULL, 0,
	  KEEPS "0xfffffffffff00000" BEYOND },
};

KUNIT_ARRAY_PARAM(anchor, anchor_cases, fixture_case_name);

static void anchor_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->value);
	KUNIT_EXPECT_EQ(test, fixture_check(test).overlaps, 0);
	fixture_expect(test, c->lines);
}

/* In larger blocks the end wraps, and the tail alone may touch a region. */
static void anchor_large_block(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->block_size = 4 * MIB;
	b->bat_offset = 6 * MIB;
	builder_write(b);
	builder_alloc(b, 8 * MIB);
	builder_entry(b, 5, 0xFFFFFFFFFFF00003ULL);
	builder_entry(b, 7, 3 * MIB | 3);
	builder_entry(b, 9, 0xFFFFFFFFFFE00006ULL);
	KUNIT_EXPECT_EQ(test, fixture_check(test).overlaps, 0);
	fixture_expect(test,
		       "read-only: BAT entry 5 at offset 0x600028: payload block 5 is UNMAPPED and keeps space at 0xfffffffffff00000 that ends past the end of the file at 0xf00000\n"
		       "read-only: BAT entry 7 at offset 0x600038: payload block 7 is UNMAPPED and keeps space at 0x300000, which belongs to the header section, the log or a region\n"
		       "error: BAT entry 9 at offset 0x600048: payload block 9, state 6 (FULLY_PRESENT), at 0xffffffffffe00000: its space lies past the end of the file\n");
}

/* A run goes on over the entry of a sector bitmap, and over a batch of them. */
static void gather_long_run(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 i;

	b->size = 20000 * MIB;
	builder_write(b);
	for (i = 4000; i < 19000; i++)
		builder_entry(b, i, (i + 10) * MIB | 6);
	f->ram[0].store.size = 5000 * MIB + 512 * 1024;
	builder_entry(b, 15000, 0);
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.faulty, 14009);
	KUNIT_EXPECT_EQ(test, census.cut.blocks, 14009);
	KUNIT_EXPECT_EQ(test, census.cut.first, 4990);
	KUNIT_EXPECT_EQ(test, census.cut.last, 18999);
	KUNIT_EXPECT_EQ(test, census.cut.bytes, 14009 * MIB - MIB / 2);
	KUNIT_EXPECT_EQ(test, census.cut.end, 19010 * MIB);
	fixture_expect(test,
		       "error: BAT entry 4991 at offset 0x309bf8: payload block 4990, state 6 (FULLY_PRESENT), at 0x138800000: its space ends past the end of the file\n"
		       "error: BAT entries 4992 to 15002 at offset 0x309c00: payload blocks 4991 to 14999, state 6 (FULLY_PRESENT), at 0x138900000 to 0x3aa100000: their space lies past the end of the file\n"
		       "error: BAT entries 15004 to 19003 at offset 0x31d4e0: payload blocks 15001 to 18999, state 6 (FULLY_PRESENT), at 0x3aa300000 to 0x4a4100000: their space lies past the end of the file\n"
		       "error: file at offset 0x138880000: was cut short: it ends here, is 5243404288 bytes long and should be 19933429760 or longer; of 14009 of the payload blocks 4990 to 18999, 13.6 GiB are lost\n");
}

/* What was never there is not lost: no file of this disk can be so long. */
static void cut_or_nonsense(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	builder_write(b);
	/* 4 MiB, 64 blocks and 1 GiB. */
	builder_entry(b, 5, 1091 * MIB | 6);
	builder_entry(b, 7, 1092 * MIB | 6);
	builder_entry(b, 9, 0xFFFFFFFFFFF00006ULL);
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.faulty, 3);
	KUNIT_EXPECT_EQ(test, census.cut.blocks, 1);
	KUNIT_EXPECT_EQ(test, census.cut.last, 5);
	KUNIT_EXPECT_EQ(test, census.cut.end, 1092 * MIB);
}

/* A sector bitmap that is cut says how long the file was, and loses no block. */
static void cut_bitmap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	builder_parent(b, 0xDA);
	builder_block(b, 5, 6);
	builder_bitmap(b, 0);
	f->ram[0].store.size = 5 * MIB;
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.faulty, 1);
	KUNIT_EXPECT_EQ(test, census.cut.blocks, 0);
	KUNIT_EXPECT_EQ(test, census.cut.end, 6 * MIB);
	fixture_expect(test,
		       "error: BAT entry 4096 at offset 0x308000: sector bitmap block 0, state 6 (FULLY_PRESENT), at 0x500000: its space lies past the end of the file\n");
}

/* Of the last block, the disk's end counts, not the block's. */
static void cut_last_block(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	b->block_size = 32 * MIB;
	b->size = 40 * MIB;
	builder_write(b);
	builder_block(b, 1, 6);
	f->ram[0].store.size = 7 * MIB;
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.cut.bytes, 5 * MIB);
}

/* The tail of a short last block is the block's as well: nobody else's. */
static void tail_on_region(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->block_size = 4 * MIB;
	b->size = 5 * MIB;
	b->bat_offset = 6 * MIB;
	builder_write(b);
	builder_entry(b, 1, 5 * MIB | 6);
	KUNIT_EXPECT_EQ(test, fixture_check(test).faulty, 1);
	fixture_expect(test,
		       "error: BAT entry 1 at offset 0x600008: payload block 1, state 6 (FULLY_PRESENT), at 0x500000: its space belongs to the header section, the log or a region\n");
}

/* A page of faulty entries is one finding when it is loaded, too. */
static void load_gathers(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_miss miss;
	u64 entry;
	u32 i;

	b->size = 2000 * MIB;
	builder_write(b);
	for (i = 500; i < 600; i++)
		builder_entry(b, i, 5);
	miss.image = fixture_open(test, 0);
	miss.map = &miss.image->bat_pages;
	for (miss.index = 0; miss.index < 2; miss.index++)
		KUNIT_EXPECT_EQ(test, vhdx_image_load(&miss), 0);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test,
				vhdx_image_bat_entry(miss.image, i, &entry),
				i >= 500 && i < 600 ? -EIO : 0);
	fixture_expect(test,
		       "error: BAT entries 500 to 511 at offset 0x300fa0: payload blocks 500 to 511, state 5 (reserved), at 0x0: their state is reserved\n"
		       "error: BAT entries 512 to 599 at offset 0x301000: payload blocks 512 to 599, state 5 (reserved), at 0x0: their state is reserved\n");
}

/* Of several owners, the first one is named. */
static void overlap_of_three(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 pos;

	builder_write(b);
	pos = builder_block(b, 5, 6);
	builder_entry(b, 7, pos | 6);
	builder_entry(b, 9, pos | 6);
	KUNIT_EXPECT_EQ(test, fixture_check(test).overlaps, 2);
	fixture_expect(test,
		       "read-only: BAT entry 7 at offset 0x300038: the space at 0x400000 also belongs to BAT entry 5\n"
		       "read-only: BAT entry 9 at offset 0x300048: the space at 0x400000 also belongs to BAT entry 5\n");
}

/*
 * The owners of shared space at the end of a long BAT are all found in one more
 * pass, which tells how far it is and can be stopped as the first one.
 */
static void overlaps_far_away(struct kunit *test)
{
	struct fixture_watcher w;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 pos, reads;
	u32 i;

	b->size = 40000 * MIB;
	builder_write(b);
	pos = builder_block(b, 39980, 6);
	for (i = 39981; i < 39998; i++)
		builder_entry(b, i, pos | 6);
	fixture_open(test, 0);
	reads = f->ram[0].reads;
	fixture_watcher_init(&w, 0);
	census = fixture_check_watched(test, &w, 0);
	KUNIT_EXPECT_EQ(test, census.overlaps, 17);
	/* 40009 entries are five batches, each pass. */
	KUNIT_EXPECT_EQ(test, f->ram[0].reads - reads, 10);
	KUNIT_EXPECT_EQ(test, w.steps, 12);
	KUNIT_EXPECT_EQ(test, f->found.count, 17);

	fixture_watcher_init(&w, 8);
	findings_init(&f->found);
	fixture_check_watched(test, &w, -EINTR);
	KUNIT_EXPECT_EQ(test, w.steps, 8);
	fixture_expect(test, "");
}

static struct kunit_case gather_suite_cases[] = {
	KUNIT_CASE_PARAM(gather_case, gather_gen_params),
	KUNIT_CASE_PARAM(anchor_case, anchor_gen_params),
	KUNIT_CASE(anchor_large_block),
	KUNIT_CASE(gather_long_run),
	KUNIT_CASE(cut_or_nonsense),
	KUNIT_CASE(cut_bitmap),
	KUNIT_CASE(cut_last_block),
	KUNIT_CASE(tail_on_region),
	KUNIT_CASE(load_gathers),
	KUNIT_CASE(overlap_of_three),
	KUNIT_CASE(overlaps_far_away),
	{}
};

struct kunit_suite vhdx_gather_suite = {
	.name = "vhdx_gather",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = gather_suite_cases,
};
