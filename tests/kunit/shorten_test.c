// SPDX-License-Identifier: GPL-2.0-only
/* engine/shorten.c: a disk gets smaller, and what stays is what it was. */
#include "child-rig.h"
#include "resize.h"
#include "shorten.h"
#include "suites.h"

#define MIB VHDX_MIB
#define GIB (1024 * MIB)

/* Blocks 0 and 5 stay, 5 in part; the others go. */
#define OLD_SIZE	(16 * MIB)
#define NEW_SIZE	(6 * MIB - 512 * VHDX_KIB)
#define FIRST		0x11
#define LAST		0x15
#define GONE		0x99
#define END		0x1F

static struct vhdx_session *open_old(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	b->size = OLD_SIZE;
	builder_write(b);
	builder_fill(b, builder_block(b, 0, 6), MIB, FIRST);
	builder_fill(b, builder_block(b, 9, 6), MIB, GONE);
	builder_fill(b, builder_block(b, 5, 6), MIB, LAST);
	builder_fill(b, builder_block(b, 15, 6), MIB, END);
	return writer_open(test);
}

static int shorten(struct kunit *test, u64 size)
{
	struct fixture *f = test->priv;

	return vhdx_shorten(writer_of(test)->session, size, &f->found.report);
}

static u64 size_now(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->image[0]->params.size;
}

static void expect_sound(struct kunit *test)
{
	struct vhdx_census census = fixture_check(test);

	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, census.faulty, 0);
}

/* All that the disk held before is there as long as it has its old size. */
static void expect_contents(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 size = size_now(test);

	f->builder[0].size = size;
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 5 * MIB), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, NEW_SIZE - 1), LAST);
	if (size == NEW_SIZE)
		return;
	KUNIT_EXPECT_EQ(test, size, OLD_SIZE);
	KUNIT_EXPECT_EQ(test, writer_read(test, NEW_SIZE), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), GONE);
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE - 1), END);
}

/* What is gone does not come back when the disk grows. */
static void expect_grows(struct kunit *test)
{
	struct fixture *f = test->priv;

	writer_open(test);
	KUNIT_ASSERT_EQ(test, vhdx_resize(writer_of(test)->session, GIB, NULL,
					  &f->found.report), 0);
	writer_crash(test);
	f->builder[0].size = GIB;
	KUNIT_EXPECT_EQ(test, size_now(test), GIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	KUNIT_EXPECT_EQ(test, writer_read(test, NEW_SIZE - 1), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, NEW_SIZE), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, OLD_SIZE - 1), 0);
	expect_sound(test);
}

static void shorten_cuts(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 length;

	open_old(test);
	length = f->ram[0].store.size;
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	/* Block 9 lies before block 5, and block 15 behind it. */
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length - MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, size_now(test), NEW_SIZE);
	expect_contents(test);
	expect_sound(test);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 9), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 15), 0);
	/* The space of block 9 is the first that is free. */
	writer_open(test);
	writer_write(test, MIB, MIB, 0x22);
	KUNIT_EXPECT_LT(test, writer_offset(test, 1), writer_offset(test, 5));
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x22);
	expect_sound(test);
}

/* The session that made the disk smaller can go on. */
static void shorten_goes_on(struct kunit *test)
{
	struct fixture *f = test->priv;

	open_old(test);
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	f->builder[0].size = NEW_SIZE;
	writer_write(test, 2 * MIB, MIB, 0x22);
	KUNIT_EXPECT_EQ(test, writer_read(test, NEW_SIZE - 1), LAST);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	expect_contents(test);
	expect_sound(test);
}

static void shorten_grows_again(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	writer_crash(test);
	expect_grows(test);
}

/* It keeps space for all of its blocks, and for no more. */
static void shorten_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 block, length;

	b->param_flags = 1;
	b->size = OLD_SIZE;
	builder_write(b);
	for (block = 0; block < 16; block++)
		builder_fill(b, builder_block(b, block, 6), MIB, FIRST + block);
	writer_open(test);
	length = f->ram[0].store.size;
	KUNIT_ASSERT_EQ(test, shorten(test, 6 * MIB), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, length - 10 * MIB);
	writer_crash(test);
	b->size = 6 * MIB;
	for (block = 0; block < 6; block++)
		KUNIT_EXPECT_EQ(test, writer_read(test, block * MIB),
				FIRST + block);
	expect_sound(test);
}

/* Not all that stays has been allocated: the file keeps room for it. */
static void shorten_fixed_sparse(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 block;

	b->param_flags = 1;
	b->size = OLD_SIZE;
	builder_write(b);
	builder_fill(b, builder_block(b, 0, 6), MIB, FIRST);
	for (block = 6; block < 16; block++)
		builder_fill(b, builder_block(b, block, 6), MIB, GONE);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, shorten(test, 6 * MIB), 0);
	/* Regions of 4 MiB, and six blocks. */
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 10 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_image_least(f->image[0]), 10 * MIB);
	writer_crash(test);
	b->size = 6 * MIB;
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	KUNIT_EXPECT_EQ(test, fixture_check(test).faulty, 0);
}

/*
 * A child of three chunks of 4 GiB gets half of one: the bits of sectors behind the
 * end go, those before stay, and so do the bitmaps of what vanishes.
 */
static void shorten_child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 size = 2 * 1024 * MIB + 512, pos, bitmap, gone;

	b->size = 12 * GIB;
	child_rig_files(test);
	bitmap = builder_bitmap(b, 0);
	pos = builder_block(b, 2048, 7);
	builder_fill(b, pos, MIB, LAST);
	builder_present(b, bitmap, 2048 * 2048, 3);
	builder_fill(b, builder_block(b, 4000, 7), MIB, GONE);
	builder_present(b, bitmap, 4000 * 2048, 2048);
	gone = builder_bitmap(b, 2);
	builder_fill(b, builder_block(b, 8200, 7), MIB, GONE);
	builder_present(b, gone, 8 * 2048, 5);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, shorten(test, size), 0);
	writer_crash(test);
	b->size = size;
	KUNIT_EXPECT_EQ(test, size_now(test), size);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 1);
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 2), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 4000), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 8200), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 2048 * MIB), LAST);
	KUNIT_EXPECT_EQ(test, writer_read(test, CHILD_RIG_BLOCK * MIB),
			CHILD_RIG_PARENT);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, pos + MIB);
	expect_sound(test);
}

/*
 * A cut that a crash ended has left an entry behind the end, and its space has
 * another owner since. The BAT of a child reaches up to there.
 */
static void shorten_leftover(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u64 pos;

	b->size = OLD_SIZE;
	child_rig_files(test);
	pos = builder_block(b, 0, 6);
	builder_fill(b, pos, MIB, FIRST);
	builder_entry(b, 20, pos | 6);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	writer_crash(test);
	b->size = NEW_SIZE;
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 20), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), FIRST);
	expect_sound(test);
}

/* Nothing else changes before the size is durable. */
static void shorten_order(struct kunit *test)
{
	open_old(test);
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	writer_trace(test,
		     "write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"
		     "flush\nwrite log 0x0 +0x2000\nflush\n"
		     "write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"
		     "flush\nwrite log 0x1000 +0x4000\nflush\n"
		     "write 0x200000 +0x1000\nwrite 0x210000 +0x1000\n"
		     "discard 0x500000 +0x100000\n"
		     "discard 0x700000 +0x100000\n"
		     "write bat 0x0 +0x1000\n"
		     "flush\nflush\n"
		     "write header 1 +0x1000\nflush\nwrite header 2 +0x1000\nflush\n"
		     "truncate 0x700000\nflush\n");
}

static void shorten_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	const struct vhdx_image *image;

	open_old(test);
	image = f->image[0];
	KUNIT_EXPECT_NULL(test, vhdx_shorten_fault(image, NEW_SIZE));
	KUNIT_EXPECT_NULL(test, vhdx_shorten_fault(image, 512));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_shorten_fault(image, 0));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_shorten_fault(image, 513));
	KUNIT_EXPECT_NOT_NULL(test, vhdx_shorten_fault(image, OLD_SIZE + 512));
}

/* The power goes after each change: the old disk as it was, or the new one. */
static void shorten_crash(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 changes, stop;
	bool cut = false;

	open_old(test);
	changes = f->ram[0].changes;
	KUNIT_ASSERT_EQ(test, shorten(test, NEW_SIZE), 0);
	changes = f->ram[0].changes - changes;
	KUNIT_EXPECT_GT(test, changes, 10);
	for (stop = 1; stop < changes; stop++) {
		writer_restart(test);
		open_old(test);
		ram_store_stop_after(&f->ram[0], stop);
		(void)shorten(test, NEW_SIZE);
		writer_crash(test);
		/* Once it is smaller, it is for every later crash. */
		if (cut)
			KUNIT_EXPECT_EQ(test, size_now(test), NEW_SIZE);
		cut = size_now(test) == NEW_SIZE;
		expect_contents(test);
		/* What it says of the log is not the point. */
		KUNIT_EXPECT_EQ(test, fixture_check(test).faulty, 0);
		if (cut)
			expect_grows(test);
	}
	KUNIT_EXPECT_TRUE(test, cut);
}

static struct kunit_case shorten_cases[] = {
	KUNIT_CASE(shorten_cuts),
	KUNIT_CASE(shorten_goes_on),
	KUNIT_CASE(shorten_grows_again),
	KUNIT_CASE(shorten_fixed),
	KUNIT_CASE(shorten_fixed_sparse),
	KUNIT_CASE(shorten_child),
	KUNIT_CASE(shorten_leftover),
	KUNIT_CASE(shorten_order),
	KUNIT_CASE(shorten_refused),
	KUNIT_CASE(shorten_crash),
	{}
};

struct kunit_suite vhdx_shorten_suite = {
	.name = "vhdx_shorten",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = shorten_cases,
};
