// SPDX-License-Identifier: GPL-2.0-only
/* engine/check.c: what a whole-image check counts and finds. */
#include "check.h"
#include "fixture.h"
#include "suites.h"

#define MIB VHDX_MIB

static void expect_payload(struct kunit *test, const struct vhdx_census *census,
			   const u64 *want)
{
	u32 i;

	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, census->payload[i], want[i]);
}

static void check_clean(struct kunit *test)
{
	static const u64 want[8] = { 58, 1, 1, 1, 0, 0, 3, 0 };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 before;

	builder_write(b);
	builder_block(b, 63, 6);
	builder_block(b, 0, 6);
	builder_block(b, 7, 6);
	builder_entry(b, 1, 1);
	builder_entry(b, 2, 2);
	builder_entry(b, 3, 3);
	fixture_open(test, 0);
	before = f->ram[0].bytes;
	census = fixture_check(test);
	/* No more than the page that the entries are in. */
	KUNIT_EXPECT_EQ(test, f->ram[0].bytes - before, 4096);
	expect_payload(test, &census, want);
	KUNIT_EXPECT_EQ(test, census.bitmaps, 0);
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
	KUNIT_EXPECT_EQ(test, census.overlaps, 0);
	KUNIT_EXPECT_EQ(test, census.allocated, 3 * MIB);
	fixture_expect(test, "");
}

static void check_child(struct kunit *test)
{
	static const u64 want[8] = { 4997, 0, 0, 0, 0, 0, 1, 2 };
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	b->size = 5000 * MIB;
	builder_parent(b, 0xDA);
	builder_block(b, 0, 7);
	builder_block(b, 1, 6);
	builder_block(b, 4999, 7);
	builder_bitmap(b, 0);
	builder_bitmap(b, 1);
	census = fixture_check(test);
	expect_payload(test, &census, want);
	KUNIT_EXPECT_EQ(test, census.bitmaps, 2);
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
	KUNIT_EXPECT_EQ(test, census.allocated, 5 * MIB);
	fixture_expect(test, "");
}

/* One thing wrong with the blocks of an image of 64 blocks of 1 MiB. */
static void entry(struct builder *b, u64 value)
{
	builder_alloc(b, MIB);
	builder_entry(b, 5, value);
}

static void last_entry(struct builder *b, u64 size)
{
	builder_block(b, 63, 6);
	b->ram->store.size = size;
}

static void same_space(struct builder *b, u64 state)
{
	u64 pos = builder_block(b, 5, 6);

	builder_entry(b, 9, pos | state);
}

static void same_space_next(struct builder *b, u64 state)
{
	u64 pos = builder_block(b, 5, 6);

	builder_entry(b, 6, pos | state);
}

static void same_space_anchor(struct builder *b, u64 state)
{
	u64 pos = builder_block(b, 5, 6);

	builder_entry(b, 6, pos | 3);
}

static void twice_faulty(struct builder *b, u64 state)
{
	builder_entry(b, 5, 5);
	builder_entry(b, 6, 90 * MIB | 6);
}

static void partial(struct builder *b, u64 with_bitmap)
{
	builder_parent(b, 0xDA);
	builder_block(b, 5, 7);
	if (with_bitmap)
		builder_bitmap(b, 0);
}

static void bitmap_on_block(struct builder *b, u64 value)
{
	u64 pos;

	builder_parent(b, 0xDA);
	pos = builder_block(b, 5, 6);
	ram_store_put(b->ram, 0x308000, pos | 6, 8);
}

static void bitmap_garbage(struct builder *b, u64 value)
{
	ram_store_put(b->ram, b->bat_offset + 8 * 4096, value, 8);
	ram_store_put(b->ram, b->bat_offset + 8 * 64, value, 8);
}

static void bitmap_state(struct builder *b, u64 value)
{
	builder_parent(b, 0xDA);
	ram_store_put(b->ram, 0x308000, value, 8);
}

#define ENTRY_5 "BAT entry 5 at offset 0x300028: "
#define LAST "BAT entry 63 at offset 0x3001f8: "

static const struct fixture_case check_cases[] = {
	{ "reserved bits", entry, 4 * MIB | 0xFFFF8 | 6, 0,
	  "read-only: " ENTRY_5 "reserved bits are set: 0xffff8\n" },
	{ "one reserved bit", entry, 4 * MIB | 0x80000 | 6, 0,
	  "read-only: " ENTRY_5 "reserved bits are set: 0x80000\n" },
	{ "state 5", entry, 5, 1,
	  "error: " ENTRY_5
	  "payload block 5, state 5 (reserved), at 0x0: its state is reserved\n"
	},
	{ "on the metadata", entry, 2 * MIB | 6, 1,
	  "error: " ENTRY_5
	  "payload block 5, state 6 (FULLY_PRESENT), at 0x200000: its space belongs to the header section, the log or a region\n"
	},
	{ "past the end", entry, 50 * MIB | 6, 1,
	  "error: " ENTRY_5
	  "payload block 5, state 6 (FULLY_PRESENT), at 0x3200000: its space lies past the end of the file\n"
	  "error: file at offset 0x500000: was cut short: it ends here, is 5242880 bytes long and should be 53477376 or longer; of payload block 5, 1 MiB are lost\n"
	},
	{ "ZERO with an offset", entry, 4 * MIB | 2, 0,
	  "warning: " ENTRY_5
	  "payload block 5 is zero and names the offset 0x400000; Hyper-V wants 0 there\n"
	},
	{ "partially present, no parent", entry, 4 * MIB | 7, 0,
	  "read-only: " ENTRY_5
	  "payload block 5 is partially present in an image without a parent; it is read as fully present\n"
	},
	{ "the last block is whole", last_entry, 5 * MIB, 0, "" },
	{ "the last block is short", last_entry, 5 * MIB - 1, 1,
	  "error: " LAST
	  "payload block 63, state 6 (FULLY_PRESENT), at 0x400000: its space ends past the end of the file\n"
	  "error: file at offset 0x4fffff: was cut short: it ends here, is 5242879 bytes long and should be 5242880 or longer; of payload block 63, 1 byte are lost\n"
	},
	{ "partial, with its bitmap", partial, true, 0, "" },
	{ "partial, without its bitmap", partial, false, 1,
	  "error: " ENTRY_5
	  "payload block 5 is partially present, but the sector bitmap of chunk 0 is absent\n"
	},
	{ "two faults", twice_faulty, 0, 2,
	  "error: " ENTRY_5 "payload block 5, state 5 (reserved), at 0x0: its state is reserved\n"
	  "error: BAT entry 6 at offset 0x300030: payload block 6, state 6 (FULLY_PRESENT), at 0x5a00000: its space lies past the end of the file\n"
	  "error: file at offset 0x400000: was cut short: it ends here, is 4194304 bytes long and should be 95420416 or longer; of payload block 6, 1 MiB are lost\n"
	},
	{ "shared space", same_space, 6, 0,
	  "read-only: BAT entry 9 at offset 0x300048: the space at 0x400000 also belongs to BAT entry 5\n"
	},
	{ "shared space, as QEMU left it", same_space_next, 6, 0,
	  "read-only: BAT entry 6 at offset 0x300030: the space at 0x400000 also belongs to BAT entry 5; QEMU before 7.2.2 left such pairs, and one block has lost its data\n"
	},
	{ "shared with an unmapped block", same_space_anchor, 0, 0,
	  "read-only: BAT entry 6 at offset 0x300030: the space at 0x400000 also belongs to BAT entry 5\n"
	},
	{ "a bitmap on a block", bitmap_on_block, 0, 0,
	  "read-only: BAT entry 4096 at offset 0x308000: the space at 0x400000 also belongs to BAT entry 5\n"
	},
	{ "garbage where no bitmap is", bitmap_garbage, U64_MAX, 0, "" },
	{ "a bitmap of state 3", bitmap_state, 3, 1,
	  "error: BAT entry 4096 at offset 0x308000: sector bitmap block 0, state 3 (UNMAPPED), at 0x0: its state is reserved\n"
	},
	{ "an absent bitmap with reserved bits", bitmap_state, 0xFFFF8, 0,
	  "read-only: BAT entry 4096 at offset 0x308000: reserved bits are set: 0xffff8\n"
	},
};

KUNIT_ARRAY_PARAM(check, check_cases, fixture_case_name);

/* @error is the number of faulty entries here. */
static void check_case(struct kunit *test)
{
	const struct fixture_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_census census;

	builder_write(&f->builder[0]);
	c->alter(&f->builder[0], c->value);
	census = fixture_check(test);
	fixture_expect(test, c->lines);
	KUNIT_EXPECT_EQ(test, census.faulty, c->error);
	KUNIT_EXPECT_EQ(test, census.overlaps,
			!!strstr(c->lines, "also belongs"));
}

/* Garbage where a bitmap's entry would be is no owner of anything. */
static void check_overlap_beside_garbage(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 pos;

	b->size = 4200 * MIB;
	builder_write(b);
	pos = builder_block(b, 4100, 6);
	builder_entry(b, 4150, pos | 6);
	ram_store_put(&f->ram[0], 3 * MIB + 8 * 4096, pos | 6, 8);
	fixture_check(test);
	fixture_expect(test,
		       "read-only: BAT entry 4151 at offset 0x3081b8: the space at 0x400000 also belongs to BAT entry 4101\n");
}

/* A last block that is short by most of its length. */
static void check_very_short_block(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	b->block_size = 256 * MIB;
	builder_write(b);
	builder_block(b, 0, 6);
	/* The virtual disk is 64 MiB. */
	f->ram[0].store.size = 68 * MIB;
	census = fixture_check(test);
	fixture_expect(test,
		       "read-only: BAT entry 0 at offset 0x300000: the last payload block ends at 0x10400000, past the end of the file at 0x4400000\n");
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
	KUNIT_EXPECT_EQ(test, census.overlaps, 0);
}

/* Blocks that overlap by a part; the file's MiB are counted, not its blocks. */
static void check_partial_overlap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 pos;

	b->block_size = 4 * MIB;
	builder_write(b);
	pos = builder_block(b, 2, 6);
	builder_alloc(b, 8 * MIB);
	builder_entry(b, 3, (pos + 3 * MIB) | 6);
	builder_entry(b, 4, (pos + 7 * MIB) | 6);
	census = fixture_check(test);
	fixture_expect(test,
		       "read-only: BAT entry 3 at offset 0x300018: the space at 0x700000 also belongs to BAT entry 2\n");
	KUNIT_EXPECT_EQ(test, census.overlaps, 1);
	KUNIT_EXPECT_EQ(test, census.allocated, 12 * MIB);
}

#define MANY "read-only: BAT region at offset 0x300000: 17 blocks share space with another one; the first 16 are listed\n"

/* Many overlaps: sixteen are named, all are counted. */
static void check_many_overlaps(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 pos;
	u32 i;

	builder_write(b);
	pos = builder_block(b, 0, 6);
	for (i = 1; i < 18; i++)
		builder_entry(b, i, pos | 6);
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.overlaps, 17);
	KUNIT_EXPECT_EQ(test, census.payload[6], 18);
	KUNIT_EXPECT_EQ(test, f->found.count, 17);
	KUNIT_EXPECT_NOT_NULL(test, strstr(f->found.text, MANY));
}

/* An overlap over more than one batch of entries, and the batch after it. */
static void check_distant_overlap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;
	u64 pos;

	b->size = 30000 * MIB;
	builder_write(b);
	pos = builder_block(b, 1, 6);
	builder_entry(b, 20000, pos | 6);
	builder_entry(b, 20001, 5);
	builder_block(b, 29999, 6);
	census = fixture_check(test);
	fixture_expect(test,
		       "error: BAT entry 20005 at offset 0x327128: payload block 20001, state 5 (reserved), at 0x0: its state is reserved\n"
		       "read-only: BAT entry 20004 at offset 0x327120: the space at 0x400000 also belongs to BAT entry 1\n");
	KUNIT_EXPECT_EQ(test, census.payload[6], 3);
	KUNIT_EXPECT_EQ(test, census.payload[0], 30000 - 4);
}

/* The bitmap's entry is in another batch than the block's. */
static void check_distant_bitmap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	b->size = 40000 * MIB;
	b->logical_sector = 4096;
	builder_parent(b, 0xDA);
	builder_block(b, 7, 7);
	builder_entry(b, 8, 5);
	builder_block(b, 32768, 7);
	builder_bitmap(b, 1);
	census = fixture_check(test);
	fixture_expect(test,
		       "error: BAT entry 7 at offset 0x300038: payload block 7 is partially present, but the sector bitmap of chunk 0 is absent\n"
		       "error: BAT entry 8 at offset 0x300040: payload block 8, state 5 (reserved), at 0x0: its state is reserved\n");
	KUNIT_EXPECT_EQ(test, census.faulty, 2);
	KUNIT_EXPECT_EQ(test, census.bitmaps, 1);
}

static void check_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u32 i;

	b->param_flags = VHDX_PARAM_LEAVE_ALLOCATED;
	b->size = 4 * MIB;
	builder_write(b);
	for (i = 0; i < 3; i++)
		builder_block(b, i, 6);
	fixture_check(test);
	fixture_expect(test,
		       "info: BAT region at offset 0x300000: a fixed image with 3 of 4 blocks allocated\n");
	builder_block(b, 3, 6);
	vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	fixture_check(test);
	fixture_expect(test, "");
}

/* Entries that the log holds are the ones that are checked. */
static void check_replayed(struct kunit *test)
{
	static const u64 want[8] = { 64 };
	struct builder_desc desc = { 3 * MIB, 4096 };
	struct builder *b = fixture_dirty(test, 0);
	struct vhdx_census census;

	builder_entry(b, 1, 5);
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
	census = fixture_check(test);
	expect_payload(test, &census, want);
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
}

static void check_unreadable(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[0].size = 20000 * MIB;
	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	ram_store_break_range(&f->ram[0], 3 * MIB + 100000, 1, -EIO);
	fixture_check_watched(test, NULL, -EIO);
	fixture_expect(test,
		       "error: BAT entry 8192 at offset 0x310000: cannot be read: I/O error (5)\n");
}

static void check_progress(struct kunit *test)
{
	struct fixture_watcher w;
	struct fixture *f = test->priv;
	u64 before;

	f->builder[0].size = 20000 * MIB;
	builder_write(&f->builder[0]);
	fixture_open(test, 0);
	fixture_watcher_init(&w, 0);
	fixture_check_watched(test, &w, 0);
	/* At 0, 8192 and 16384 of 20004, and at the end. */
	KUNIT_EXPECT_EQ(test, w.steps, 4);
	KUNIT_EXPECT_EQ(test, w.total, 20004);
	KUNIT_EXPECT_EQ(test, w.done, 20004);

	fixture_watcher_init(&w, 2);
	before = f->ram[0].reads;
	fixture_check_watched(test, &w, -EINTR);
	KUNIT_EXPECT_EQ(test, w.done, 8192);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads - before, 1);
}

/**
 * struct space_check - a map that a check fills
 * @space: the map
 * @census: what was counted
 */
struct space_check {
	struct vhdx_space space;
	struct vhdx_census census;
};

static struct space_check *check_space(struct kunit *test)
{
	struct space_check *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, c);
	fixture_open(test, 0);
	KUNIT_ASSERT_EQ(test, vhdx_space_init(&c->space), 0);
	/* Somebody has the MiB at 9 already. */
	KUNIT_EXPECT_EQ(test, vhdx_space_grow(&c->space, 10 * MIB), 0);
	vhdx_space_take(&c->space, 9 * MIB, MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_check_space(f->image[0], &c->space, &c->census,
					 NULL, &f->found.report),
			0);
	return c;
}

/* Each MiB of the file, by whether a block occupies it. */
static void expect_owned(struct kunit *test, struct space_check *c,
			 const char *owned)
{
	u64 i;

	for (i = 0; owned[i]; i++)
		if (vhdx_space_take(&c->space, i * MIB, MIB) !=
		    (owned[i] == '#'))
			KUNIT_FAIL(test, "the MiB at %llu", i);
	vhdx_space_exit(&c->space);
}

/*
 * Blocks that are present and anchors are marked; offsets that mean nothing are
 * not, and neither is what lies past the end, or what the regions have.
 */
static void check_space_marks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->block_size = 2 * MIB;
	builder_write(b);
	builder_block(b, 0, 6); /* at 4 */
	builder_block(b, 1, 1); /* at 6 */
	builder_alloc(b, 4 * MIB); /* 8 to 11, of which 9 is taken */
	builder_block(b, 2, 3); /* at 12 */
	builder_block(b, 3, 2); /* at 14, which a zero block does not have */
	builder_block(b, 4, 0); /* at 16, likewise */
	builder_entry(b, 5, 17 * MIB | 3);
	builder_entry(b, 6, 40 * MIB | 3);
	expect_owned(test, check_space(test), "....####.#..##...#");
	fixture_expect(test,
		       "warning: BAT entry 3 at offset 0x300018: payload block 3 is zero and names the offset 0xe00000; Hyper-V wants 0 there\n"
		       "read-only: BAT entries 5 to 6 at offset 0x300028: payload blocks 5 to 6 are UNMAPPED and keep space at 0x1100000 to 0x2800000 that ends past the end of the file at 0x1200000\n");
}

/* What is in the map before is somebody's, as another block would be. */
static void check_space_taken(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct space_check *c;

	builder_write(b);
	builder_alloc(b, 8 * MIB);
	builder_entry(b, 5, 8 * MIB | 6);
	builder_entry(b, 6, 9 * MIB | 6);
	c = check_space(test);
	KUNIT_EXPECT_EQ(test, c->census.overlaps, 1);
	KUNIT_EXPECT_EQ(test, c->census.allocated, 2 * MIB);
	expect_owned(test, c, "........##..");
}

/* Blocks of a child's two kinds; a bitmap takes a MiB, not a block. */
static void check_space_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->block_size = 2 * MIB;
	builder_parent(b, 0xDA);
	builder_bitmap(b, 0); /* at 4 */
	builder_block(b, 0, 7); /* at 5 */
	builder_alloc(b, MIB); /* at 7 */
	expect_owned(test, check_space(test), "....###..#");
	fixture_expect(test, "");
}

/* The longest file there can be, and a block at its end that has two owners. */
static void check_longest(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_census census;

	builder_write(b);
	builder_entry(b, 5, (VHDX_FILE_SIZE_MAX - MIB) | 6);
	builder_entry(b, 6, (VHDX_FILE_SIZE_MAX - MIB) | 6);
	builder_entry(b, 7, (100 * VHDX_TIB) | 6);
	f->ram[0].store.size = VHDX_FILE_SIZE_MAX;
	fixture_open(test, 0);
	census = fixture_check(test);
	KUNIT_EXPECT_EQ(test, census.overlaps, 1);
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
	KUNIT_EXPECT_EQ(test, census.allocated, 3 * MIB);
}

/* A bitmap block without a payload block changes nothing that is read. */
static void check_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = f->builder;

	builder_parent(&b[0], 0xDA);
	builder_bitmap(&b[0], 0);
	KUNIT_EXPECT_TRUE(test, vhdx_check_empty(fixture_open(test, 0)));
	builder_parent(&b[1], 0xDA);
	builder_entry(&b[1], 63, 2);
	KUNIT_EXPECT_FALSE(test, vhdx_check_empty(fixture_open(test, 1)));
	fixture_expect(test, "");
}

/* The entry leaves the BAT as it is; another one might not. */
static void check_empty_dirty(struct kunit *test)
{
	struct builder_desc desc = { 3 * MIB, 4096 };
	struct builder *b = fixture_dirty(test, 0);

	builder_parent(b, 0xDA);
	builder_log(b, &(struct builder_entry){
		.sequence = 1, .descs = &desc, .count = 1 });
	KUNIT_EXPECT_FALSE(test, vhdx_check_empty(fixture_open(test, 0)));
}

/* Without a parent, it is a disk of zeros. */
static void check_empty_alone(struct kunit *test)
{
	struct fixture *f = test->priv;

	builder_write(&f->builder[0]);
	KUNIT_EXPECT_FALSE(test, vhdx_check_empty(fixture_open(test, 0)));
}

static struct kunit_case check_suite_cases[] = {
	KUNIT_CASE(check_clean),
	KUNIT_CASE(check_child),
	KUNIT_CASE_PARAM(check_case, check_gen_params),
	KUNIT_CASE(check_overlap_beside_garbage),
	KUNIT_CASE(check_very_short_block),
	KUNIT_CASE(check_partial_overlap),
	KUNIT_CASE(check_many_overlaps),
	KUNIT_CASE(check_distant_overlap),
	KUNIT_CASE(check_distant_bitmap),
	KUNIT_CASE(check_fixed),
	KUNIT_CASE(check_replayed),
	KUNIT_CASE(check_unreadable),
	KUNIT_CASE(check_progress),
	KUNIT_CASE(check_space_marks),
	KUNIT_CASE(check_space_taken),
	KUNIT_CASE(check_space_child),
	KUNIT_CASE(check_longest),
	KUNIT_CASE(check_empty),
	KUNIT_CASE(check_empty_dirty),
	KUNIT_CASE(check_empty_alone),
	{}
};

struct kunit_suite vhdx_check_suite = {
	.name = "vhdx_check",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = check_suite_cases,
};
