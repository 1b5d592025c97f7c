// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-map.c: how far one answer reaches, and who is turned away.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

/* Blocks that lie in a row are one run; the run ends where they do not. */
static void map_present_row(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_run run;
	u64 first;

	builder_write(b);
	first = builder_block(b, 10, 6);
	builder_block(b, 11, 6);
	builder_block(b, 12, 6);
	builder_block(b, 20, 6);
	builder_block(b, 13, 6);
	writer_open(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, 10 * MIB + 4096, 10 * MIB,
					 &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, first + 4096);
	KUNIT_EXPECT_EQ(test, run.length, 3 * MIB - 4096);
	/* No longer than what was asked for. */
	KUNIT_ASSERT_EQ(test, writer_map(test, 10 * MIB + 4096, MIB, &run),
			0);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	KUNIT_ASSERT_EQ(test, writer_map(test, 11 * MIB - 512, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, 512);
	KUNIT_EXPECT_EQ(test, run.offset, first + MIB - 512);
	KUNIT_ASSERT_EQ(test, writer_map(test, 12 * MIB, 2 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	KUNIT_ASSERT_EQ(test, writer_map(test, 13 * MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, first + 4 * MIB);
}

/* Absent blocks are given space in a row, so a large write is one run. */
static void map_absent_row(struct kunit *test)
{
	struct vhdx_session *session = writer_open_empty(test);
	struct vhdx_run run;

	/* Four are ready at first. */
	KUNIT_ASSERT_EQ(test, writer_map(test, 4096, 16 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB + 4096);
	KUNIT_EXPECT_EQ(test, run.length, 4 * MIB - 4096);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 4);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	/* Present ones, and on into absent ones. */
	KUNIT_ASSERT_EQ(test, writer_map(test, 4 * MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 8 * MIB);
	KUNIT_ASSERT_EQ(test, writer_map(test, 2 * MIB, 4 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 6 * MIB);
	KUNIT_EXPECT_EQ(test, run.length, 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 5), 9 * MIB | 6);
}

/* A block that is absent and prepared elsewhere is left for the next call. */
static void map_absent_elsewhere(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_run run;

	builder_write(&f->builder[0]);
	builder_block(&f->builder[0], 0, 6);
	session = writer_open(test);
	writer_write(test, 10 * MIB, 512, 1);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	KUNIT_ASSERT_EQ(test, writer_map(test, 0, 2 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 0);
}

/* Who is turned away, and what for. */
static void map_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_miss miss = {};
	struct vhdx_run run;

	f->builder[0].size = 2048 * MIB;
	session = writer_open_empty(test);
	/* Not begun; nothing is looked up. */
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run, &miss),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vhdx_session_zero(session, VHDX_ZERO_WRITE, 0,
						512, &run, &miss), -EBUSY);
	KUNIT_EXPECT_NULL(test, miss.image);
	writer_work(test, VHDX_WORK_BEGIN);

	/* The page is missing: block 600 is the third from the second's 88. */
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 600 * MIB, 512, &run,
					       &miss), -EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.image, f->image[0]);
	KUNIT_EXPECT_PTR_EQ(test, miss.map, &f->image[0]->bat_pages);
	KUNIT_EXPECT_EQ(test, miss.index, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_zero(session, VHDX_ZERO_DISCARD,
						1600 * MIB, 512, &run, &miss),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, miss.index, 3);
	miss.index = 1;
	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);

	/* None is prepared, and nobody has asked for any before. */
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 600 * MIB, 512, &run,
					       &miss), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_GE(test, session->prepared.count, 2);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 600 * MIB, 512, &run,
					       &miss), 0);
}

/* Parts of a sector, nothing at all, and what is past the end. */
static void map_no_sectors(struct kunit *test)
{
	static const struct {
		u64 pos;
		u64 len;
	} ranges[] = {
		{ MIB, 0 }, { MIB, 512 }, { MIB + 512, 512 },
		{ MIB + 2048, 4096 }, { MIB, 4096 + 512 },
		{ 64 * MIB, 4096 }, { 64 * MIB - 4096, 8192 },
		{ -4096ULL, 8192 },
	};
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_run run;
	unsigned int i;

	f->builder[0].logical_sector = 4096;
	f->builder[0].size = 64 * MIB;
	session = writer_open_empty(test);
	writer_work(test, VHDX_WORK_BEGIN);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		KUNIT_EXPECT_EQ(test, writer_map(test, ranges[i].pos,
						 ranges[i].len, &run),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_WRITE,
						  ranges[i].pos, ranges[i].len,
						  &run), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 0);
	KUNIT_EXPECT_EQ(test, writer_map(test, 64 * MIB - 4096, 4096, &run),
			0);
}

/* The next page is not in memory: the run ends where it would be needed. */
static void map_to_end_of_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;
	struct vhdx_miss miss;
	struct vhdx_run run;

	b->size = 2048 * MIB;
	builder_write(b);
	builder_block(b, 511, 6);
	builder_block(b, 512, 6);
	session = writer_open(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, 511 * MIB, 2 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 512 * MIB, MIB, &run,
					       &miss), -EAGAIN);
	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_ASSERT_EQ(test, writer_map(test, 511 * MIB, 2 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, 2 * MIB);
	/* Likewise for zeros. */
	vhdx_pool_shrink(&f->image[0]->pool, 100);
	KUNIT_ASSERT_EQ(test, writer_zero(test, VHDX_ZERO_DISCARD, 510 * MIB,
					  4 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, 2 * MIB);
}

/*
 * The survey found the BAT good; but when a page is loaded, it is not so any
 * more. Nothing is written through such an entry.
 */
static void map_faulty(struct kunit *test)
{
	static const u64 entries[] = { 4, 5, 6, 2 * MIB | 6, 999 * MIB | 6,
				       999 * MIB | 7 };
	struct vhdx_session *session = writer_open_empty(test);
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u32 i;

	writer_write(test, MIB, 512, 0x11);
	writer_work(test, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		builder_entry(&f->builder[0], 5, entries[i]);
		vhdx_pool_shrink(&f->image[0]->pool, 100);
		KUNIT_EXPECT_EQ(test, writer_map(test, 5 * MIB, 512, &run),
				-EIO);
		KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_WRITE,
						  5 * MIB, MIB, &run), -EIO);
		KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
		/* The blocks before it and behind it are fine. */
		KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), 0);
		KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_DISCARD,
						  4 * MIB, 4 * MIB, &run), 0);
		KUNIT_EXPECT_EQ(test, run.length, MIB);
	}
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
}

/* A write to one chunk's last block and to the next one's first. */
static void map_across_chunks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	f->builder[0].size = 8192 * MIB;
	builder_write(&f->builder[0]);
	/* Between them is an entry that means nothing here, with garbage. */
	ram_store_put(&f->ram[0], 3 * MIB + 8 * 4096, 0xFFFFFFFFFFFFFFFFULL, 8);
	session = writer_open(test);
	writer_write(test, 4096 * MIB - 512, 1024, 0x77);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 4095), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 4096), 5 * MIB | 6);
	writer_discard(test, VHDX_ZERO_DISCARD, 4096 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 4095), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, 4096), 3);
	KUNIT_EXPECT_TRUE(test,
			  ram_store_get(&f->ram[0], 3 * MIB + 8 * 4096, 8) ==
			  U64_MAX);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4096 * MIB - 1), 0x77);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4096 * MIB), 0);
}

/* Blocks of 256 MiB and sectors of 4 KiB. */
static void map_large_blocks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;
	struct vhdx_run run;

	b->size = 1024 * MIB;
	b->block_size = 256 * MIB;
	b->logical_sector = 4096;
	builder_write(b);
	session = writer_open(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, 256 * MIB - 4096, 8192, &run),
			0);
	/* No two are made ready at once. */
	KUNIT_EXPECT_EQ(test, run.offset, 260 * MIB - 4096);
	KUNIT_EXPECT_EQ(test, run.length, 4096);
	KUNIT_ASSERT_EQ(test, writer_map(test, 256 * MIB, 4096, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 260 * MIB);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 0), 4 * MIB | 6);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 260 * MIB | 6);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 516 * MIB);
}

static struct kunit_case session_map_cases[] = {
	KUNIT_CASE(map_present_row),
	KUNIT_CASE(map_absent_row),
	KUNIT_CASE(map_absent_elsewhere),
	KUNIT_CASE(map_again),
	KUNIT_CASE(map_no_sectors),
	KUNIT_CASE(map_to_end_of_page),
	KUNIT_CASE(map_faulty),
	KUNIT_CASE(map_across_chunks),
	KUNIT_CASE(map_large_blocks),
	{}
};

struct kunit_suite vhdx_session_map_suite = {
	.name = "vhdx_session_map",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_map_cases,
};
