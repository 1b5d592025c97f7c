// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/child.c, engine/session-map.c: what writes, discards and zeroes make of
 * the blocks and the bits of a child.
 */
#include "child-rig.h"
#include "suites.h"

#define MIB VHDX_MIB
#define KIB VHDX_KIB

#define BLOCK	CHILD_RIG_BLOCK
#define HELD	CHILD_RIG_HELD
#define PARENT	CHILD_RIG_PARENT
/* The child's data, and what is written into it. */
#define CHILD	0x66
#define NEW	0x77

/* The page of the BAT that holds an entry. */
static u64 bat_page(const struct builder *b, u64 index)
{
	return b->bat_offset + ALIGN_DOWN(8 * index, 4096ULL);
}

struct geometry_case {
	const char *name;
	u32 block_size;
	u32 sector;
};

static const struct geometry_case geometry_cases[] = {
	{ "1 MiB, 512", MIB, 512 },
	{ "1 MiB, 4096", MIB, 4096 },
	{ "32 MiB, 512", 32 * MIB, 512 },
	{ "256 MiB, 512", 256 * MIB, 512 },
	{ "256 MiB, 4096", 256 * MIB, 4096 },
};

static void geometry_case_name(const struct geometry_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(geometry, geometry_cases, geometry_case_name);

static void expect_written(struct kunit *test, u64 pos)
{
	KUNIT_EXPECT_EQ(test, writer_read(test, pos - 1), PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 8191), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 8192), PARENT);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 7);
}

/* Part of an absent block: the rest goes on to show the parent. */
static void write_absent(struct kunit *test)
{
	const struct geometry_case *c = test->param_value;
	struct vhdx_session *session;
	struct fixture *f = test->priv;
	u64 pos;

	child_rig_geometry(test, c->block_size, c->sector);
	/* As few pages as there can be. */
	f->pool_pages = 1;
	child_rig_files(test);
	session = child_rig_begin(test);
	pos = child_rig_start(test) + 4096;
	writer_write(test, pos, 8192, NEW);
	expect_written(test, pos);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 1);
	writer_commit(test);
	writer_crash(test);
	expect_written(test, pos);
	session = writer_open(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 8192 / c->sector);
}

/* A bit is set by vhdx_session_wrote(), and by nothing before. */
static void bit_after_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_run run;
	u64 pos;

	child_rig_files(test);
	session = child_rig_begin(test);
	pos = child_rig_start(test) + 4096;
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 4096, &run), 0);
	KUNIT_EXPECT_TRUE(test, run.absent);
	builder_fill(&f->builder[0], run.offset, run.length, NEW);
	child_rig_commit(test);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 7);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), PARENT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, writer_wrote(test, pos, 4096), 0);
	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos + 4096), PARENT);
	/* Nothing lacks now, and nothing more is to be committed. */
	child_rig_commit(test);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 8);
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 4096, &run), 0);
	KUNIT_EXPECT_FALSE(test, run.absent);
	KUNIT_EXPECT_EQ(test, writer_wrote(test, pos, 4096), 0);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 4608, &run), 0);
	KUNIT_EXPECT_TRUE(test, run.absent);
}

/*
 * The block is discarded before the write ends, so its bits stay as they are. If a
 * crash brought the block back, the parent would be seen in place of the write.
 */
static void discard_beside_write(struct kunit *test)
{
	struct vhdx_session *session;
	struct vhdx_run run;
	u64 start, size;

	child_rig_files(test);
	session = child_rig_begin(test);
	size = vhdx_bat_block_size(&session->image->bat);
	start = child_rig_start(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, start, 4096, &run), 0);
	KUNIT_EXPECT_TRUE(test, run.absent);
	child_rig_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, start, size);
	KUNIT_EXPECT_TRUE(test, vhdx_session_changed(session));
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, writer_wrote(test, start, 4096), 0);
	KUNIT_EXPECT_FALSE(test, vhdx_session_clean(session));
	child_rig_commit(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
}

/* The power goes before or after the bits are durable. */
static void bit_after_crash(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos;

	child_rig_files(test);
	child_rig_begin(test);
	pos = child_rig_start(test) + 4096;
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, 4096, &run), 0);
	builder_fill(&f->builder[0], run.offset, run.length, NEW);
	writer_commit(test);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 7);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), PARENT);
	child_rig_begin(test);
	writer_write(test, pos, 4096, NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), NEW);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), PARENT);
	child_rig_begin(test);
	writer_write(test, pos, 4096, NEW);
	writer_commit(test);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, pos), NEW);
}

/* The three pages that change are in one entry. */
static void one_entry(struct kunit *test)
{
	struct vhdx_session *session;
	struct vhdx_run run;
	struct builder *b;
	u64 pages[2];

	b = child_rig_files(test);
	session = child_rig_begin(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, child_rig_start(test), 512, &run),
			0);
	KUNIT_EXPECT_EQ(test, session->journal.changed_count, 2);
	writer_commit(test);
	pages[0] = bat_page(b, BLOCK);
	pages[1] = bat_page(b, builder_bitmap_index(b, 0));
	child_rig_expect_entry(test, pages, 2);
	/* The bits are a change of their own. */
	KUNIT_EXPECT_EQ(test, writer_wrote(test, child_rig_start(test), 512), 0);
	writer_commit(test);
	child_rig_commit(test);
	pages[0] = child_rig_bitmap(test, 0) & ~0xFFFFFULL;
	child_rig_expect_entry(test, pages, 1);
}

/* Bits that another program left are cleared with the block's entry. */
static void stale_bits(struct kunit *test)
{
	u64 pages[2], bitmap, block;
	struct vhdx_session *session;
	struct vhdx_run run;
	struct builder *b;

	b = child_rig_files(test);
	block = builder_block(b, BLOCK + 1, 7);
	builder_fill(b, block, HELD, CHILD);
	bitmap = builder_bitmap(b, 0);
	builder_present(b, bitmap, (BLOCK - 1) * 2048, 3 * 2048);
	session = child_rig_begin(test);
	KUNIT_ASSERT_EQ(test, writer_map(test, child_rig_start(test), 512, &run),
			0);
	writer_commit(test);
	pages[0] = bat_page(b, BLOCK);
	pages[1] = bitmap;
	child_rig_expect_entry(test, pages, 2);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), 7);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test)), PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test) + HELD - 1),
			PARENT);
	/* Its neighbours keep theirs. */
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test) + MIB),
			CHILD);
	session = writer_open(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 2 * 2048);
}

/* A bitmap block is zeroed before anything names it, and made once. */
static void bitmap_once(struct kunit *test)
{
	struct vhdx_session *session;
	struct builder *b;
	u64 hole;

	b = child_rig_files(test);
	hole = builder_alloc(b, MIB);
	builder_fill(b, hole, MIB, 0xFF);
	builder_block(b, 20, 6);
	session = child_rig_begin(test);
	writer_write(test, child_rig_start(test), 512, NEW);
	writer_trace(test, "zero 0x400000 +0x100000\n"
			   "extend 0xa00000\n");
	writer_write(test, child_rig_start(test) + MIB, 512, NEW);
	writer_write(test, 60 * MIB, 512, NEW);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 1);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 3);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test) + 512),
			PARENT);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0), hole | 6);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 3);
}

/* What is done to a block: for vhdx_session_zero(), or a write. */
enum deed {
	DISCARDED = VHDX_ZERO_DISCARD,
	ZEROED = VHDX_ZERO_WRITE,
	KEPT = VHDX_ZERO_KEEP,
	WRITTEN,
};

/**
 * struct change_case - what becomes of a block
 * @name: for the test's log
 * @state: of the block before; of a block in state 7, the child has the first 8
 *	KiB
 * @deed: what is done to it
 * @whole: the whole block, otherwise 8 KiB from 4 KiB on
 * @after: its state then
 * @first: the byte that it begins with then
 * @own: the one at 4 KiB, from which on a part is changed
 * @other: the one at 8 KiB, which a block in state 7 lacked
 * @rest: the one behind the part
 */
struct change_case {
	const char *name;
	u32 state;
	enum deed deed;
	bool whole;
	u32 after;
	u8 first, own, other, rest;
};

static const struct change_case change_cases[] = {
	{ "0 discarded", 0, DISCARDED, true, 0, PARENT, PARENT, PARENT, PARENT },
	{ "0 zeroed", 0, ZEROED, true, 2, 0, 0, 0, 0 },
	{ "0 zeroed in place", 0, KEPT, true, 2, 0, 0, 0, 0 },
	{ "0 written", 0, WRITTEN, true, 7, NEW, NEW, NEW, NEW },
	{ "0 discarded in part", 0, DISCARDED, false, 0, PARENT, PARENT, PARENT,
	  PARENT },
	{ "0 zeroed in part", 0, ZEROED, false, 7, PARENT, 0, 0, PARENT },
	{ "0 zeroed in part in place", 0, KEPT, false, 7, PARENT, 0, 0,
	  PARENT },
	{ "0 written in part", 0, WRITTEN, false, 7, PARENT, NEW, NEW, PARENT },
	{ "1 discarded", 1, DISCARDED, true, 1, 0, 0, 0, 0 },
	{ "1 zeroed in part", 1, ZEROED, false, 2, 0, 0, 0, 0 },
	{ "1 written in part", 1, WRITTEN, false, 6, 0, NEW, NEW, 0 },
	{ "2 discarded", 2, DISCARDED, true, 2, 0, 0, 0, 0 },
	{ "2 zeroed in part", 2, ZEROED, false, 2, 0, 0, 0, 0 },
	{ "2 written in part", 2, WRITTEN, false, 6, 0, NEW, NEW, 0 },
	{ "2 written", 2, WRITTEN, true, 6, NEW, NEW, NEW, NEW },
	{ "3 discarded in part", 3, DISCARDED, false, 3, 0, 0, 0, 0 },
	{ "3 zeroed in part in place", 3, KEPT, false, 2, 0, 0, 0, 0 },
	{ "3 written in part", 3, WRITTEN, false, 6, 0, NEW, NEW, 0 },
	{ "6 discarded", 6, DISCARDED, true, 3, 0, 0, 0, 0 },
	{ "6 zeroed", 6, ZEROED, true, 2, 0, 0, 0, 0 },
	{ "6 zeroed in place", 6, KEPT, true, 6, 0, 0, 0, 0 },
	{ "6 zeroed in part", 6, ZEROED, false, 6, CHILD, 0, 0, CHILD },
	{ "6 written in part", 6, WRITTEN, false, 6, CHILD, NEW, NEW, CHILD },
	{ "7 discarded", 7, DISCARDED, true, 3, 0, 0, 0, 0 },
	{ "7 zeroed", 7, ZEROED, true, 2, 0, 0, 0, 0 },
	{ "7 zeroed in place", 7, KEPT, true, 7, 0, 0, 0, 0 },
	{ "7 discarded in part", 7, DISCARDED, false, 7, CHILD, 0, PARENT,
	  PARENT },
	{ "7 zeroed in part", 7, ZEROED, false, 7, CHILD, 0, 0, PARENT },
	{ "7 zeroed in part in place", 7, KEPT, false, 7, CHILD, 0, 0,
	  PARENT },
	{ "7 written in part", 7, WRITTEN, false, 7, CHILD, NEW, NEW, PARENT },
	{ "7 written", 7, WRITTEN, true, 7, NEW, NEW, NEW, NEW },
};

static void change_case_name(const struct change_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(change, change_cases, change_case_name);

static void expect_change(struct kunit *test, const struct change_case *c)
{
	u64 start = child_rig_start(test);

	KUNIT_EXPECT_EQ(test, child_rig_state(test, BLOCK), c->after);
	KUNIT_EXPECT_EQ(test, writer_read(test, start), c->first);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 4095), c->first);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 4096), c->own);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 8191), c->own);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 8192), c->other);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 12287), c->other);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 12288), c->rest);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + HELD - 1), c->rest);
}

/* Of blocks that are not partially present, all bits are set: they mean nothing. */
static void make_block(struct builder *b, u32 state)
{
	u64 bitmap = builder_bitmap(b, 0);
	u64 pos;

	builder_present(b, bitmap, BLOCK * 2048, state == 7 ? 16 : 2048);
	if (state < 6) {
		builder_entry(b, BLOCK, state);
		return;
	}
	pos = builder_block(b, BLOCK, state);
	builder_fill(b, pos, state == 7 ? 8192 : HELD, CHILD);
	/* What the bits leave out is nobody's. */
	if (state == 7)
		builder_fill(b, pos + 8192, HELD, 0xBB);
}

/* Each state, each change: now, after a crash, and after the end. */
static void change(struct kunit *test)
{
	const struct change_case *c = test->param_value;
	u64 pos, len;

	make_block(child_rig_files(test), c->state);
	child_rig_begin(test);
	pos = child_rig_start(test) + (c->whole ? 0 : 4096);
	len = c->whole ? MIB : 8192;
	if (c->deed == WRITTEN)
		writer_write(test, pos, len, NEW);
	else
		writer_discard(test, (enum vhdx_zero)c->deed, pos, len);
	expect_change(test, c);
	if (c->state == c->after && c->state < 6)
		KUNIT_EXPECT_TRUE(test,
				  vhdx_session_clean(writer_of(test)->session));
	writer_commit(test);
	writer_crash(test);
	expect_change(test, c);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_open(test)), 0);
	writer_crash(test);
	fixture_expect(test, "");
	expect_change(test, c);
}

/* Of the last block, which is half of one, in a chunk of two blocks. */
static void last_chunk(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 size = 4097 * MIB + MIB / 2;

	f->builder[0].size = size;
	f->builder[1].size = size;
	child_rig_files(test);
	session = child_rig_begin(test);
	writer_write(test, size - 512, 512, NEW);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 4097), 7);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 1), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, size - 513), 0);
	child_rig_commit(test);
	KUNIT_EXPECT_EQ(test, child_rig_bitmap(test, 0), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 1), 1);
	/* All that there is of it; none past the end of the disk. */
	writer_discard(test, VHDX_ZERO_KEEP, 4097 * MIB, MIB / 2);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 4097), 7);
	child_rig_commit(test);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 1), 1024);
	writer_discard(test, VHDX_ZERO_DISCARD, 4097 * MIB, MIB / 2);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 4097), 3);
	/* Between two chunks. */
	writer_write(test, 4096 * MIB - 512, 1024, NEW);
	KUNIT_EXPECT_EQ(test, session->stats.bitmaps, 2);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, child_rig_bits(test, 0), 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4096 * MIB - 1), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4096 * MIB), NEW);
}

/* Past the end of its parent the rest of a child's block is zeros. */
static void smaller_parent(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->builder[1].size = 4 * MIB;
	child_rig_files(test);
	child_rig_begin(test);
	writer_write(test, 4 * MIB - 4096, 8192, NEW);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 3), 7);
	KUNIT_EXPECT_EQ(test, child_rig_state(test, 4), 7);
	writer_commit(test);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, child_rig_start(test)), PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB - 1), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB + 4095), NEW);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB + 4096), 0);
}

static struct kunit_case session_child_cases[] = {
	KUNIT_CASE_PARAM(write_absent, geometry_gen_params),
	KUNIT_CASE(discard_beside_write),
	KUNIT_CASE(bit_after_data),
	KUNIT_CASE(bit_after_crash),
	KUNIT_CASE(one_entry),
	KUNIT_CASE(stale_bits),
	KUNIT_CASE(bitmap_once),
	KUNIT_CASE_PARAM(change, change_gen_params),
	KUNIT_CASE(last_chunk),
	KUNIT_CASE(smaller_parent),
	{}
};

struct kunit_suite vhdx_session_child_suite = {
	.name = "vhdx_session_child",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_child_cases,
};
