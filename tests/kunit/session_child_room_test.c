// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/child.c: a child's change that finds no room in the transaction, in the
 * file or in memory, and bits that come late.
 */
#include "child-rig.h"
#include "suites.h"

#define MIB VHDX_MIB

#define BLOCK	CHILD_RIG_BLOCK
#define PARENT	CHILD_RIG_PARENT
#define NEW	0x77

/* Blocks of 256 MiB, each of 16 pages of bitmap, and all bits are stale. */
static void large_stale(struct kunit *test, u64 *bitmap)
{
	struct builder *b;

	child_rig_geometry(test, 256 * MIB, 512);
	b = child_rig_files(test);
	*bitmap = builder_bitmap(b, 0);
	builder_fill(b, *bitmap, MIB, 0xFF);
}

/* All of them are in one entry with the BAT's page. */
static void large_block(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 pages[17], bitmap;
	struct vhdx_run run;
	u32 i;

	f->pool_pages = 1;
	large_stale(test, &bitmap);
	session = child_rig_begin(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, child_rig_start(test), 512, &run),
			0);
	writer_commit(test);
	pages[0] = f->builder[0].bat_offset;
	for (i = 0; i < 16; i++)
		pages[1 + i] = bitmap + (16 * BLOCK + i) * 4096;
	child_rig_expect_entry(test, pages, 17);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 15 * 16 * 32768);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test)), PARENT);
}

/* What does not fit in the transaction changes nothing until a commit. */
static void crowded(struct kunit *test)
{
	struct vhdx_session *session;
	struct vhdx_miss miss;
	struct vhdx_run run;
	u64 bitmap;

	large_stale(test, &bitmap);
	session = child_rig_begin(test);
	session->journal.page_limit = 18;
	/* Of block 2, and all pages that block 3 needs are in memory. */
	KUNIT_ASSERT_EQ(test, writer_map(test, 512 * MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 17);
	KUNIT_ASSERT_EQ(test, vhdx_session_work(session, 0), 0);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 17);
	while (!session->prepared.count)
		writer_work(test, VHDX_WORK_BEGIN);
	while (vhdx_session_map(session, child_rig_start(test), 512, &run,
				&miss) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, child_rig_start(test), 512,
					       &run, &miss), -EBUSY);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 17);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 0);
	KUNIT_ASSERT_EQ(test, vhdx_session_work(session, 0), 0);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 0);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, child_rig_start(test), 512,
					       &run, &miss), 0);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 17);
}

/* A write whose bits are in two pages, of which the second does not fit. */
static void crowded_bits(struct kunit *test)
{
	struct vhdx_session *session;
	struct fixture *f = test->priv;
	struct vhdx_miss miss;
	struct vhdx_run run;
	u64 pos;

	child_rig_geometry(test, 32 * MIB, 512);
	child_rig_files(test);
	session = child_rig_begin(test);
	pos = child_rig_start(test) + 16 * MIB - 4096;
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 8192, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, 8192);
	KUNIT_EXPECT_TRUE(test, run.absent);
	builder_fill(&f->builder[0], run.offset, run.length, NEW);
	session->journal.page_limit = session->journal.changed_count + 1;
	while (vhdx_session_wrote(session, pos, 8192, &miss) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 8192, &miss),
			-EBUSY);
	KUNIT_ASSERT_EQ(test, vhdx_session_work(session, 0), 0);
	KUNIT_EXPECT_EQ(test, session->stats.commits, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 8192, &miss), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 8191), NEW);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 16);
}

/* The block went and came back while its write was under way. */
static void wrote_too_late(struct kunit *test)
{
	struct vhdx_session *session;
	struct vhdx_run run;
	u64 pos;

	child_rig_files(test);
	session = child_rig_begin(test);
	pos = child_rig_start(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 512, &run), 0);
	KUNIT_EXPECT_TRUE(test, run.absent);
	writer_discard(test, VHDX_ZERO_DISCARD, pos, MIB);
	KUNIT_EXPECT_EQ(test, writer_wrote(test, pos, 512), 0);
	writer_write(test, pos + 4096, 512, NEW);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 6);
	KUNIT_EXPECT_EQ(test, writer_wrote(test, pos, 512), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 0);
}

/* The pages went while the write was under way; the session has not begun. */
static void wrote_asks(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_miss miss = {};
	struct vhdx_run run;
	u64 pos;

	child_rig_files(test);
	session = writer_open(test);
	pos = child_rig_start(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 512, &miss),
			-EBUSY);
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 512, &run), 0);
	child_rig_commit(test);
	vhdx_pool_shrink(&f->image[0]->pool, 100);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 512, &miss),
			-EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.map, &f->image[0]->bat_pages);
	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 512, &miss),
			-EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, miss.map, &f->image[0]->bitmap_pages);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 512, &miss), 0);
	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(session));
	vhdx_session_fail(session, VHDX_AT("test", 0), "a test");
	KUNIT_EXPECT_EQ(test, vhdx_session_wrote(session, pos, 512, &miss),
			-EROFS);
}

/* The file gets no longer from here on, and a block has been written. */
static struct vhdx_session *no_longer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct writer *w = writer_of(test);
	struct vhdx_session *session;

	f->builder[0].size = 8192 * MIB;
	f->builder[1].size = 8192 * MIB;
	builder_bitmap(child_rig_files(test), 0);
	session = child_rig_begin(test);
	writer_write(test, child_rig_start(test), 512, NEW);
	w->tracer.limit = f->ram[0].store.size;
	w->tracer.limit_error = -ENOSPC;
	return session;
}

/* There is no room but what is prepared for blocks: they give way to the bitmap. */
static void blocks_give_way(struct kunit *test)
{
	struct vhdx_session *session = no_longer(test);

	KUNIT_ASSERT_TRUE(test, session->prepared.count > 1);
	writer_write(test, 5000 * MIB, 512, NEW);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 5000 * MIB), NEW);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
}

/*
 * There is room for the bitmap alone. As no block is left, it shows that the store is
 * full, and writes wait; later there is room.
 */
static void no_room(struct kunit *test)
{
	struct vhdx_session *session = no_longer(test);
	struct writer *w = writer_of(test);
	struct vhdx_run run;
	u64 pos;

	for (pos = child_rig_start(test) + MIB; session->prepared.count > 1;
	     pos += MIB)
		writer_write(test, pos, 512, NEW);
	KUNIT_EXPECT_EQ(test, writer_map(test, 5000 * MIB, 512, &run),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 4999), 0);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 5000), 0);
	KUNIT_EXPECT_TRUE(test, session->no_space);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_WRITE, 5000 * MIB,
					  512, &run), -ENOSPC);
	/* The others go on. */
	writer_write(test, child_rig_start(test) + 4096, 512, NEW);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	w->tracer.limit = U64_MAX;
	writer_work(test, 0);
	writer_write(test, 5000 * MIB, 512, NEW);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 5000 * MIB), NEW);
}

/* The bitmap lies behind all blocks: the file's end is behind it, too. */
static void bitmap_last(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 bitmap;

	f->builder[0].size = 8192 * MIB;
	f->builder[1].size = 8192 * MIB;
	builder_bitmap(child_rig_files(test), 0);
	session = child_rig_begin(test);
	writer_write(test, child_rig_start(test), 512, NEW);
	KUNIT_ASSERT_TRUE(test, session->prepared.count);
	writer_write(test, 5000 * MIB, 512, NEW);
	child_rig_commit(test);
	bitmap = child_rig_bitmap(test, 1) & ~0xFFFFFULL;
	KUNIT_ASSERT_TRUE(test, bitmap > writer_entry(test, 5000));
	/* LastFileOffset. */
	KUNIT_EXPECT_EQ(test, writer_log_entry(test, 56, 8), bitmap + MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, bitmap + MIB);
	writer_crash(test);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, writer_read(test, 5000 * MIB), NEW);
}

/* What was prepared and not used is given back. */
static void bitmap_given_back(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int r;

	child_rig_files(test);
	session = child_rig_begin(test);
	while ((r = vhdx_session_map(session, 0, 512, &run, &miss)) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, r, -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), 0);
	KUNIT_EXPECT_EQ(test, session->prepared.bitmap, 4 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, session->prepared.bitmap, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
	/* And again, to be used. */
	writer_write(test, 0, 512, NEW);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 6 * MIB);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 1);
}

/* The survey found the bitmap's entry good; when it is loaded, it is not. */
static void bitmap_faulty(struct kunit *test)
{
	static const u64 entries[] = { 999 * MIB | 6, 2 * MIB | 6, 6, 4 };
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_run run;
	struct builder *b;
	u32 i;

	b = child_rig_files(test);
	builder_bitmap(b, 0);
	session = child_rig_begin(test);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		ram_store_put(&f->ram[0], b->bat_offset +
			      8 * builder_bitmap_index(b, 0), entries[i], 8);
		vhdx_pool_shrink(&f->image[0]->pool, 100);
		KUNIT_EXPECT_EQ(test, writer_map(test, child_rig_start(test), 512,
						 &run), -EIO);
		KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_WRITE,
						  child_rig_start(test), 512,
						  &run), -EIO);
		KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
		KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 0);
	}
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
}

static struct kunit_case session_child_room_cases[] = {
	KUNIT_CASE(large_block),
	KUNIT_CASE(crowded),
	KUNIT_CASE(crowded_bits),
	KUNIT_CASE(wrote_too_late),
	KUNIT_CASE(wrote_asks),
	KUNIT_CASE(blocks_give_way),
	KUNIT_CASE(no_room),
	KUNIT_CASE(bitmap_last),
	KUNIT_CASE(bitmap_given_back),
	KUNIT_CASE(bitmap_faulty),
	{}
};

struct kunit_suite vhdx_session_child_room_suite = {
	.name = "vhdx_session_child_room",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_child_room_cases,
};
