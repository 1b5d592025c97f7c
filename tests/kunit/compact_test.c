// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/compact.c, engine/compact-plan.c, engine/compact-scan.c: blocks and
 * regions move down, and crashes.
 */
#include "child-rig.h"
#include "compact.h"
#include "history.h"
#include "suites.h"

#define MIB VHDX_MIB

/* The disk of most tests, in blocks of 1 MiB. */
#define SIZE	(16 * MIB)

/**
 * struct piece - a block of the image that the tests compact
 * @block: its number
 * @state: of the block
 * @gap: free MiB before it
 * @byte: its first page and its last one hold this
 */
struct piece {
	u32 block;
	u32 state;
	u32 gap;
	u8 byte;
};

static const struct piece pieces[] = {
	{ 7, 6, 2, 0x71 },	/* at 6 MiB */
	{ 2, 6, 1, 0x21 },	/* at 8 MiB */
	{ 5, 6, 0, 0x51 },
	{ 0, 6, 3, 0x01 },	/* at 13 MiB */
	{ 15, 6, 1, 0xF1 },	/* at 15 MiB */
};

/* Five blocks behind the four MiB of the structures. */
#define LONG	(16 * MIB)
#define SHORT	(9 * MIB)

static void fill_block(struct builder *b, u64 pos, u8 byte)
{
	builder_fill(b, pos, 4096, byte);
	builder_fill(b, pos + b->block_size - 4096, 4096, byte);
}

static u64 add_block(struct builder *b, u32 gap, u32 block, u32 state, u8 byte)
{
	u64 pos;

	builder_alloc(b, gap * MIB);
	pos = builder_block(b, block, state);
	fill_block(b, pos, byte);
	return pos;
}

static void add_pieces(struct builder *b)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		add_block(b, pieces[i].gap, pieces[i].block, pieces[i].state,
			  pieces[i].byte);
}

static struct vhdx_session *open_scattered(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = SIZE;
	builder_write(b);
	add_pieces(b);
	return writer_open(test);
}

/* With the BAT and the metadata region at the end of the file. */
static struct vhdx_session *open_high(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = SIZE;
	b->metadata_offset = 17 * MIB;
	b->bat_offset = 19 * MIB;
	builder_write(b);
	b->end = 4 * MIB;
	add_pieces(b);
	return writer_open(test);
}

static struct vhdx_plan *plan_of(struct kunit *test, bool zeros)
{
	struct fixture *f = test->priv;
	struct vhdx_plan *plan = vhdx_plan_new(f->image[0], zeros, NULL,
					       &f->found.report);

	KUNIT_ASSERT_FALSE(test, IS_ERR(plan));
	return plan;
}

static int carry_out(struct kunit *test, bool zeros,
		     struct vhdx_progress *progress)
{
	struct fixture *f = test->priv;
	struct vhdx_plan *plan = plan_of(test, zeros);
	int r = vhdx_compact(writer_of(test)->session, plan, progress,
			     &f->found.report);

	vhdx_plan_free(plan);
	return r;
}

static int compact(struct kunit *test)
{
	return carry_out(test, false, NULL);
}

static guid_t identity(struct kunit *test)
{
	struct fixture *f = test->priv;

	return *vhdx_image_identity(f->image[0]);
}

/* Only where the region lies may have changed. */
static void expect_contents(struct kunit *test)
{
	struct fixture *f = test->priv;
	guid_t guid = builder_guid(0xDA);
	u32 present = 0, i;

	f->builder[0].bat_offset = f->image[0]->regions.bat.offset;
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		u64 pos = pieces[i].block * MIB;

		present |= 1 << pieces[i].block;
		KUNIT_EXPECT_EQ(test, writer_read(test, pos), pieces[i].byte);
		KUNIT_EXPECT_EQ(test, writer_read(test, pos + MIB - 1),
				pieces[i].byte);
		KUNIT_EXPECT_EQ(test, writer_read(test, pos + MIB / 2), 0);
	}
	for (i = 0; i < SIZE / MIB; i++)
		if (!(present >> i & 1))
			KUNIT_EXPECT_EQ(test, writer_read(test, i * MIB), 0);
	guid = identity(test);
	KUNIT_EXPECT_TRUE(test, guid_equal(&guid,
					   &f->builder[0].data_write_guid));
}

static void expect_sound(struct kunit *test, const char *lines)
{
	fixture_check(test);
	fixture_expect(test, lines);
}

/* The file is as short as it can be, and nothing was lost. */
static void expect_compact(struct kunit *test, u64 length)
{
	struct fixture *f = test->priv;
	struct vhdx_plan *plan;

	writer_crash(test);
	expect_contents(test);
	expect_sound(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length);
	plan = plan_of(test, false);
	KUNIT_EXPECT_FALSE(test, vhdx_plan_gains(plan, false));
	vhdx_plan_free(plan);
}

static void compact_plan(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_plan *plan;

	open_scattered(test);
	plan = plan_of(test, false);
	KUNIT_EXPECT_EQ(test, plan->used, LONG);
	KUNIT_EXPECT_EQ(test, plan->end, SHORT);
	KUNIT_EXPECT_EQ(test, plan->length, SHORT);
	KUNIT_EXPECT_EQ(test, plan->moved, 3);
	KUNIT_EXPECT_EQ(test, plan->moves, 3 * MIB);
	KUNIT_EXPECT_EQ(test, plan->empties, 0);
	KUNIT_EXPECT_TRUE(test, vhdx_plan_gains(plan, true));
	vhdx_plan_free(plan);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, LONG);
	writer_trace(test, "");
}

static guid_t file_identity(struct kunit *test)
{
	struct fixture *f = test->priv;

	return vhdx_header_current(&f->image[0]->headers)->file_write_guid;
}

static void compact_moves(struct kunit *test)
{
	guid_t before, after;

	open_scattered(test);
	before = file_identity(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	expect_compact(test, SHORT);
	/* The file is another one, though the disk is not. */
	after = file_identity(test);
	KUNIT_EXPECT_FALSE(test, guid_equal(&before, &after));
	/* In the order of the disk. */
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 5), 5 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 15), 7 * MIB);
	/* What could stay has stayed. */
	KUNIT_EXPECT_EQ(test, writer_offset(test, 7), 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 2), 8 * MIB);
	writer_open(test);
	writer_write(test, 3 * MIB, MIB, 0x33);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x33);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 3), SHORT);
}

/* There is nothing behind the blocks but space that nobody owns. */
static void compact_cuts(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = SIZE;
	builder_write(b);
	add_block(b, 0, 3, 6, 0x33);
	builder_alloc(b, 7 * MIB);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB);
}

/* A session begins. */
#define BEGIN_LINES \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n" \
	"flush\nwrite log 0x0 +0x2000\nflush\n" \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"

/* And ends, when what was logged is in place. */
#define END_LINES \
	"flush\n" \
	"write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"

/* Each copy is durable before an entry names it; then its old place is free. */
static void compact_order(struct kunit *test)
{
	open_scattered(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	writer_trace(test, BEGIN_LINES
		     "write 0x400000 +0x10000\nzero 0x410000 +0xe0000\n"
		     "write 0x4f0000 +0x10000\n"
		     "write 0x500000 +0x10000\nzero 0x510000 +0xe0000\n"
		     "write 0x5f0000 +0x10000\n"
		     "write 0x700000 +0x10000\nzero 0x710000 +0xe0000\n"
		     "write 0x7f0000 +0x10000\n"
		     "flush\nwrite log 0x1000 +0x3000\nflush\n"
		     "write bat 0x0 +0x1000\n"
		     END_LINES
		     "discard 0x900000 +0x100000\n"
		     "discard 0xd00000 +0x100000\n"
		     "discard 0xf00000 +0x100000\n"
		     "truncate 0x900000\n");
}

static void compact_regions(struct kunit *test)
{
	struct fixture *f = test->priv;

	open_high(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	expect_compact(test, SHORT);
	KUNIT_EXPECT_LT(test, f->image[0]->regions.bat.offset, SHORT);
	KUNIT_EXPECT_LT(test, f->image[0]->regions.metadata.offset, SHORT);
	KUNIT_EXPECT_FALSE(test, f->image[0]->region_copies_differ);
}

/* The regions follow when the log of the blocks is closed. */
static void compact_order_regions(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = SIZE;
	b->metadata_offset = 6 * MIB;
	b->bat_offset = 8 * MIB;
	builder_write(b);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
	writer_trace(test, BEGIN_LINES
		     "zero 0x200000 +0x100000\n"
		     "write 0x300000 +0x20000\nzero 0x320000 +0xe0000\n"
		     "flush\nwrite log 0x1000 +0x4000\nflush\n"
		     "write 0x30000 +0x1000\nwrite 0x40000 +0x1000\n"
		     "flush\n"
		     END_LINES
		     "truncate 0x400000\n");
}

/* What is not known stays, and the file ends behind it. */
static void compact_unknown(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u32 copy, i;

	b->size = SIZE;
	builder_write(b);
	add_pieces(b);
	builder_alloc(b, 2 * MIB);
	for (copy = 0; copy < 2; copy++) {
		u64 pos = builder_region(copy, 2);

		for (i = 0; i < 16; i += 8)
			ram_store_put(b->ram, pos + i, 0xABCDEF, 8);
		ram_store_put(b->ram, pos + 16, 16 * MIB, 8);
		ram_store_put(b->ram, pos + 24, MIB, 4);
		ram_store_put(b->ram, 0x30000 + copy * 0x10000 + 8, 3, 4);
		builder_seal_regions(b, copy);
	}
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	expect_compact(test, 17 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 15), 15 * MIB);
}

/* All that a child has keeps its state; what its bitmap says moves along. */
static void compact_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap, pos;

	child_rig_files(test);
	builder_alloc(b, 3 * MIB);
	pos = builder_block(b, CHILD_RIG_BLOCK, 7);
	builder_fill(b, pos, MIB, 0x99);
	builder_alloc(b, MIB);
	fill_block(b, builder_block(b, 9, 6), 0x66);
	builder_alloc(b, 5 * MIB);
	bitmap = builder_bitmap(b, 0);
	builder_present(b, bitmap, CHILD_RIG_BLOCK * 2048 + 4, 8);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	writer_crash(test);
	expect_sound(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 7 * MIB);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, CHILD_RIG_BLOCK), 7);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 9), 6);
	KUNIT_EXPECT_LT(test, child_rig_bitmap(test, 0), 7 * MIB);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 8);
	pos = child_rig_start(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), CHILD_RIG_PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 4 * 512), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 11 * 512), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 12 * 512),
			CHILD_RIG_PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), 0x66);
	/* And bits that are set from now on are set at the new place. */
	writer_open(test);
	writer_write(test, pos + 512, 512, 0x77);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 9);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 512), 0x77);
}

/* Blocks that hold nothing keep their state and lose their space. */
static void add_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = SIZE;
	builder_write(b);
	fill_block(b, builder_block(b, 1, 1), 0x11);
	fill_block(b, builder_block(b, 3, 3), 0x11);
	fill_block(b, builder_block(b, 4, 2), 0x11);
	add_pieces(b);
}

static void expect_empty(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 1), 1);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 3), 3);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 4), 2);
}

static void compact_empty(struct kunit *test)
{
	struct vhdx_plan *plan;

	add_empty(test);
	writer_open(test);
	plan = plan_of(test, false);
	KUNIT_EXPECT_EQ(test, plan->empties, 3);
	KUNIT_EXPECT_EQ(test, plan->given, 2 * MIB);
	vhdx_plan_free(plan);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	expect_compact(test, SHORT);
	expect_empty(test);
}

/* Of a child whose blocks are all its own, the bitmap has nothing to say. */
static void compact_bitmap_empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	child_rig_files(test);
	builder_bitmap(b, 0);
	fill_block(b, builder_block(b, 9, 6), 0x66);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	writer_crash(test);
	expect_sound(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB);
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), 0x66);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test)),
			CHILD_RIG_PARENT);
}

static void compact_zeros(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 last;

	b->size = SIZE - 512;
	builder_write(b);
	builder_block(b, 1, 6);
	add_block(b, 0, 3, 6, 0x33);
	builder_fill(b, builder_block(b, 8, 6) + MIB - 512, 512, 0x88);
	/* What lies behind the end of the disk does not count. */
	last = builder_block(b, 15, 6);
	builder_fill(b, last + MIB - 512, 512, 0xEE);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, carry_out(test, true, NULL), 0);
	writer_crash(test);
	expect_sound(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 1), 2);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 15), 2);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0x33);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB - 1), 0x88);
}

/* In a child, zeros hide the parent, and what is not its own counts not. */
static void compact_zeros_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap, start = CHILD_RIG_BLOCK * MIB;

	child_rig_files(test);
	builder_block(b, CHILD_RIG_BLOCK, 7);
	builder_block(b, 5, 7);
	builder_block(b, 6, 6);
	bitmap = builder_bitmap(b, 0);
	builder_present(b, bitmap, CHILD_RIG_BLOCK * 2048, 2048);
	builder_present(b, bitmap, 5 * 2048, 2047);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, carry_out(test, true, NULL), 0);
	writer_crash(test);
	expect_sound(test, "");
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, CHILD_RIG_BLOCK), 2);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 5) & 7, 7);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 6), 2);
	KUNIT_EXPECT_EQ(test, writer_read(test, start), 0);
}

/* Blocks of a fixed image keep their space, zeros or not. */
static void compact_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->param_flags = 1;
	b->size = 4 * MIB;
	builder_write(b);
	add_block(b, 3, 0, 6, 0x01);
	add_block(b, 2, 2, 6, 0);
	builder_alloc(b, 5 * MIB);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, carry_out(test, true, NULL), 0);
	writer_crash(test);
	/* Four MiB of structures, and four blocks, two of which are absent. */
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 8 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 7 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 2), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x01);
}

/*
 * Blocks of 4 MiB leave holes that are too small for them: those take the sector
 * bitmaps, and blocks take whole holes.
 */
static void compact_large(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap;
	u32 i;

	child_rig_geometry(test, 4 * MIB, 512);
	child_rig_files(test);
	builder_alloc(b, 2 * MIB);
	fill_block(b, builder_block(b, 8, 6), 0x88);
	builder_alloc(b, 9 * MIB);
	for (i = 0; i < 2; i++)
		fill_block(b, builder_block(b, 10 + i, 6), 0xA0 + i);
	fill_block(b, builder_block(b, 20, 7), 0xBB);
	builder_alloc(b, MIB);
	bitmap = builder_bitmap(b, 0);
	builder_present(b, bitmap, 20 * 8192, 8);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	writer_crash(test);
	expect_sound(test, "");
	/* 4: the bitmap, 6: block 8, 10 and 14: two more, 19: one that stays. */
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 8), 6 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 23 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 10 * 4 * MIB), 0xA0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 11 * 4 * MIB), 0xA1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 20 * 4 * MIB), 0xBB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 20 * 4 * MIB + 4096), 0);
}

/* Two regions take half of a hole for a block, and a bitmap the rest of it. */
static void compact_rest(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 bitmap;

	child_rig_geometry(test, 4 * MIB, 512);
	b->metadata_offset = 15 * MIB;
	b->bat_offset = 16 * MIB;
	child_rig_files(test);
	b->end = 6 * MIB;
	fill_block(b, builder_block(b, 20, 7), 0xBB);
	b->end = 17 * MIB;
	bitmap = builder_bitmap(b, 0);
	KUNIT_ASSERT_EQ(test, bitmap, 17 * MIB);
	builder_present(b, bitmap, 20 * 8192, 8);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	writer_crash(test);
	expect_sound(test, "");
	b->bat_offset = f->image[0]->regions.bat.offset;
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 10 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 20 * 4 * MIB), 0xBB);
}

/* An image that must not be written is not compacted. */
static void compact_refused(struct kunit *test)
{
	static const u64 cases[] = {
		6 * MIB | 6,		/* another block has it */
		2 * MIB | 6,		/* the metadata region */
		64 * MIB | 6,		/* behind the end */
		7 * MIB | 7,		/* no parent */
		7 * MIB | 0x100 | 6,	/* reserved bits */
		7 * MIB | 5,		/* no state */
		3 * MIB | 3,		/* keeps the BAT's space */
		64 * MIB | 1,		/* keeps what is not there */
	};
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vhdx_plan *plan;

		writer_restart(test);
		open_scattered(test);
		builder_entry(&f->builder[0], 9, cases[i]);
		plan = vhdx_plan_new(f->image[0], false, NULL,
				     &f->found.report);
		KUNIT_EXPECT_TRUE(test, IS_ERR(plan));
		KUNIT_EXPECT_EQ(test, PTR_ERR(plan), -EUCLEAN);
		fixture_expect(test,
			       "error: BAT entry 9 at offset 0x300048: the image cannot be compacted as long as this is wrong; vhdxsetup check says what it is\n");
	}
}

/* Who stops it has all that had moved; another compaction goes on. */
static void compact_stopped(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct fixture_watcher watcher;
	u32 stop;

	for (stop = 1; stop < 12; stop++) {
		writer_restart(test);
		open_high(test);
		fixture_watcher_init(&watcher, stop);
		if (!carry_out(test, false, &watcher.progress))
			break;
		writer_crash(test);
		expect_contents(test);
		expect_sound(test, "");
		KUNIT_EXPECT_LE(test, f->ram[0].store.size, 20 * MIB);
		writer_open(test);
		KUNIT_ASSERT_EQ(test, compact(test), 0);
		expect_compact(test, SHORT);
	}
	KUNIT_EXPECT_GT(test, stop, 4);
	KUNIT_EXPECT_LT(test, stop, 12);
}

/* Without room, nothing is lost; what had moved has. */
static void compact_no_room(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nth;

	for (nth = 7; nth < 11; nth++) {
		writer_restart(test);
		open_scattered(test);
		ram_store_break_op(&f->ram[0], RAM_WRITE, nth, -ENOSPC);
		KUNIT_EXPECT_EQ(test, compact(test), nth < 8 ? -ENOSPC : 0);
		writer_crash(test);
		expect_contents(test);
		expect_sound(test, "");
		writer_open(test);
		KUNIT_ASSERT_EQ(test, compact(test), 0);
		expect_compact(test, SHORT);
	}
}

static void open_empty_blocks(struct kunit *test)
{
	add_empty(test);
	writer_open(test);
}

static void open_blocks(struct kunit *test)
{
	open_scattered(test);
}

static void open_all(struct kunit *test)
{
	open_high(test);
}

/* The power goes after each change: the disk is what it was. */
static void stop_everywhere(struct kunit *test, void (*open)(struct kunit *))
{
	struct fixture *f = test->priv;
	u64 changes, stop;

	open(test);
	changes = f->ram[0].changes;
	KUNIT_ASSERT_EQ(test, compact(test), 0);
	changes = f->ram[0].changes - changes;
	KUNIT_EXPECT_GT(test, changes, 15);
	for (stop = 1; stop < changes; stop++) {
		writer_restart(test);
		open(test);
		ram_store_stop_after(&f->ram[0], stop);
		compact(test);
		writer_crash(test);
		expect_contents(test);
		writer_open(test);
		KUNIT_ASSERT_EQ(test, compact(test), 0);
		expect_compact(test, SHORT);
	}
}

static void compact_crash(struct kunit *test)
{
	stop_everywhere(test, open_blocks);
}

static void compact_crash_empty(struct kunit *test)
{
	stop_everywhere(test, open_empty_blocks);
}

static void compact_crash_regions(struct kunit *test)
{
	stop_everywhere(test, open_all);
}

/* The first byte of each block, whatever of an epoch a disk has kept. */
static void check_state(struct history *history, u32 at)
{
	struct kunit *test = history->test;
	struct fixture *f = test->priv;
	struct vhdx_image *image;
	struct vhdx_chain *chain;
	u8 sector[512];
	u32 i;

	findings_init(&f->found);
	image = vhdx_image_open(&f->ram[2].store, 16, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(image));
	chain = vhdx_chain_new(&image, 1, 0, &f->found.report);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chain));
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		u64 pos = (pieces[i].block + 1) * MIB - 512;

		KUNIT_EXPECT_EQ(test,
				vhdx_chain_read(chain, pos, sector, 512), 0);
		KUNIT_EXPECT_EQ(test, sector[0], pieces[i].byte);
	}
	vhdx_chain_free(chain);
	vhdx_image_close(image);
}

static void crash_everywhere(struct kunit *test, void (*open)(struct kunit *))
{
	struct history *history = history_new(test, check_state, NULL);

	open(test);
	history_record(history);
	KUNIT_EXPECT_EQ(test, compact(test), 0);
	history_stop(history);
	KUNIT_EXPECT_GE(test, history_crash(history), 200);
	history_free(history);
}

static void compact_torn(struct kunit *test)
{
	crash_everywhere(test, open_blocks);
}

static void compact_torn_empty(struct kunit *test)
{
	crash_everywhere(test, open_empty_blocks);
}

static void compact_torn_regions(struct kunit *test)
{
	crash_everywhere(test, open_all);
}

static struct kunit_case compact_cases[] = {
	KUNIT_CASE(compact_plan),
	KUNIT_CASE(compact_moves),
	KUNIT_CASE(compact_cuts),
	KUNIT_CASE(compact_order),
	KUNIT_CASE(compact_regions),
	KUNIT_CASE(compact_order_regions),
	KUNIT_CASE(compact_unknown),
	KUNIT_CASE(compact_child),
	KUNIT_CASE(compact_empty),
	KUNIT_CASE(compact_bitmap_empty),
	KUNIT_CASE(compact_zeros),
	KUNIT_CASE(compact_zeros_child),
	KUNIT_CASE(compact_fixed),
	KUNIT_CASE(compact_large),
	KUNIT_CASE(compact_rest),
	KUNIT_CASE(compact_refused),
	KUNIT_CASE(compact_stopped),
	KUNIT_CASE(compact_no_room),
	KUNIT_CASE(compact_crash),
	KUNIT_CASE(compact_crash_empty),
	KUNIT_CASE(compact_crash_regions),
	KUNIT_CASE(compact_torn),
	KUNIT_CASE(compact_torn_empty),
	KUNIT_CASE(compact_torn_regions),
	{}
};

struct kunit_suite vhdx_compact_suite = {
	.name = "vhdx_compact",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = compact_cases,
};
