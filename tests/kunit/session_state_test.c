// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-map.c: what a write, a discard and a write of zeros make of
 * each state of a block.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

/* The block that a test is about; it lies inside its page and its chunk. */
#define BLOCK 5ULL

/* The old place of a block that is not present any more. */
#define ANCHOR (6 * MIB)

/* Which part of the block a request covers. */
enum part {
	WHOLE,
	START,
	MIDDLE,
	END,
};

static void part_of(enum part part, u64 *pos, u64 *len)
{
	*pos = BLOCK * MIB;
	*len = MIB;
	if (part != WHOLE)
		*len = 8192;
	if (part == MIDDLE)
		*pos += 512 * 1024;
	if (part == END)
		*pos += MIB - 8192;
}

/*
 * An image with junk in each hole: what is not known to be zero is not. Blocks
 * 1 and 9 are present, before and behind the anchor.
 */
static struct vhdx_session *open_with(struct kunit *test, u64 entry)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	builder_write(b);
	builder_block(b, 1, 6);
	builder_alloc(b, 4 * MIB);
	builder_block(b, 9, 6);
	builder_fill(b, 4 * MIB, 6 * MIB, 0x9A);
	builder_entry(b, BLOCK, entry);
	return writer_open(test);
}

/* Of some sectors of the block, how many do not read as @byte. */
static u32 sectors_unlike(struct kunit *test, u64 pos, u64 len, int byte)
{
	u32 wrong = 0;
	u64 at;

	for (at = pos; at < pos + len; at += 4096)
		wrong += writer_read(test, at) != byte;
	return wrong;
}

/* The bytes of the block around a request. */
static u32 rest_unlike(struct kunit *test, u64 pos, u64 len, int byte)
{
	u64 start = BLOCK * MIB;

	return sectors_unlike(test, start, pos - start, byte) +
	       sectors_unlike(test, pos + len, start + MIB - pos - len, byte);
}

/**
 * struct write_row - a row of the table of states, for writes
 * @name: for the test's log
 * @entry: what the block's entry is before
 * @part: what is written
 */
struct write_row {
	const char *name;
	u64 entry;
	enum part part;
};

static const struct write_row absent_rows[] = {
	{ "not present, all", 0, WHOLE },
	{ "not present, start", 0, START },
	{ "not present, middle", 0, MIDDLE },
	{ "not present, end", 0, END },
	{ "not present, with an offset", ANCHOR, MIDDLE },
	{ "undefined, all", 1, WHOLE },
	{ "undefined, middle", 1, MIDDLE },
	{ "undefined with an anchor, middle", ANCHOR | 1, MIDDLE },
	{ "zero, all", 2, WHOLE },
	{ "zero, middle", 2, MIDDLE },
	{ "zero with an offset, end", ANCHOR | 2, END },
	{ "unmapped, all", 3, WHOLE },
	{ "unmapped, middle", 3, MIDDLE },
	{ "unmapped with an anchor, all", ANCHOR | 3, WHOLE },
	{ "unmapped with an anchor, middle", ANCHOR | 3, MIDDLE },
};

static void write_row_name(const struct write_row *row, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

KUNIT_ARRAY_PARAM(absent_row, absent_rows, write_row_name);

/*
 * The block gets space that reads as zeros before anything is written, and the
 * change is on disk only after a commit.
 */
static void write_absent(struct kunit *test)
{
	const struct write_row *row = test->param_value;
	struct vhdx_session *session = open_with(test, row->entry);
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 pos, len, offset;

	part_of(row->part, &pos, &len);
	KUNIT_ASSERT_EQ(test, writer_map(test, pos, len, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.layer, 0);
	KUNIT_EXPECT_EQ(test, run.length, len);
	offset = run.offset - pos % MIB;
	KUNIT_EXPECT_EQ(test, offset % MIB, 0);
	KUNIT_EXPECT_EQ(test, writer_entry(test, BLOCK), offset | 6);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, BLOCK), row->entry);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	/* Nobody else's: not the header's or a region's, 1's, 9's, or old. */
	KUNIT_EXPECT_GE(test, offset, 5 * MIB);
	KUNIT_EXPECT_NE(test, offset, 9 * MIB);
	if (row->entry & 1)
		KUNIT_EXPECT_NE(test, offset, row->entry & ~7ULL);
	KUNIT_EXPECT_EQ(test, sectors_unlike(test, BLOCK * MIB, MIB, 0), 0);

	builder_fill(&f->builder[0], run.offset, run.length, 0x55);
	KUNIT_EXPECT_EQ(test, sectors_unlike(test, pos, len, 0x55), 0);
	KUNIT_EXPECT_EQ(test, rest_unlike(test, pos, len, 0), 0);
	/* Once more is in place. */
	KUNIT_EXPECT_EQ(test, writer_map(test, pos, len, &run), 0);
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 1);
	KUNIT_EXPECT_EQ(test, run.offset, offset + pos % MIB);

	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, BLOCK), offset | 6);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, sectors_unlike(test, pos, len, 0x55), 0);
	KUNIT_EXPECT_EQ(test, rest_unlike(test, pos, len, 0), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x9A);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), 0x9A);
}

/* A block that is present is written in place, and the BAT is left alone. */
static void write_present(struct kunit *test)
{
	struct vhdx_session *session = open_with(test, ANCHOR | 6);
	struct vhdx_run run;
	enum part part;
	u64 pos, len;

	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	for (part = WHOLE; part <= END; part++) {
		part_of(part, &pos, &len);
		KUNIT_ASSERT_EQ(test, writer_map(test, pos, len, &run), 0);
		KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
		KUNIT_EXPECT_EQ(test, run.offset, ANCHOR + pos % MIB);
		KUNIT_EXPECT_EQ(test, run.length, len);
	}
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 0);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, writer_entry(test, BLOCK), ANCHOR | 6);
}

/**
 * struct zero_row - a row of the table of states, for zeros
 * @name: for the test's log
 * @entry: what the block's entry is before
 * @why: discard or write zeros, or keep the space and write them
 * @part: of which part
 * @after: what the entry is afterwards
 * @data: these bytes of the block are left to the caller
 * @fixed: the image keeps its blocks allocated
 */
struct zero_row {
	const char *name;
	u64 entry;
	enum vhdx_zero why;
	enum part part;
	u64 after;
	bool data;
	bool fixed;
};

#define DISCARD VHDX_ZERO_DISCARD
#define ZEROES VHDX_ZERO_WRITE
#define KEEP VHDX_ZERO_KEEP

static const struct zero_row zero_rows[] = {
	{ "discard not present", 0, DISCARD, WHOLE, 0 },
	{ "discard undefined", 1, DISCARD, WHOLE, 1 },
	{ "discard zero", 2, DISCARD, WHOLE, 2 },
	{ "discard unmapped", 3, DISCARD, WHOLE, 3 },
	{ "discard an anchor", ANCHOR | 3, DISCARD, WHOLE, ANCHOR | 3 },
	{ "discard present", ANCHOR | 6, DISCARD, WHOLE, 3 },
	{ "discard the start", ANCHOR | 6, DISCARD, START, ANCHOR | 6, true },
	{ "discard the middle", ANCHOR | 6, DISCARD, MIDDLE, ANCHOR | 6,
	  true },
	{ "discard the end", ANCHOR | 6, DISCARD, END, ANCHOR | 6, true },
	{ "discard a part of zero", 2, DISCARD, MIDDLE, 2 },
	{ "discard a part of unmapped", 3, DISCARD, MIDDLE, 3 },
	{ "zero not present", 0, ZEROES, WHOLE, 0 },
	{ "zero undefined", 1, ZEROES, WHOLE, 2 },
	{ "zero undefined with an anchor", ANCHOR | 1, ZEROES, WHOLE, 2 },
	{ "zero zero", 2, ZEROES, WHOLE, 2 },
	{ "zero unmapped", 3, ZEROES, WHOLE, 2 },
	{ "zero unmapped with an anchor", ANCHOR | 3, ZEROES, WHOLE, 2 },
	{ "zero present", ANCHOR | 6, ZEROES, WHOLE, 2 },
	{ "zero the start", ANCHOR | 6, ZEROES, START, ANCHOR | 6, true },
	{ "zero the middle", ANCHOR | 6, ZEROES, MIDDLE, ANCHOR | 6, true },
	{ "zero the end", ANCHOR | 6, ZEROES, END, ANCHOR | 6, true },
	{ "zero a part of not present", 0, ZEROES, MIDDLE, 0 },
	{ "zero a part of zero", 2, ZEROES, MIDDLE, 2 },
	/* Its other sectors were nothing in particular; zeros are as good. */
	{ "zero a part of unmapped", 3, ZEROES, MIDDLE, 2 },
	{ "zero a part of an anchor", ANCHOR | 3, ZEROES, START, 2 },
	{ "zero a part of undefined", ANCHOR | 1, ZEROES, END, 2 },
	{ "keep not present", 0, KEEP, WHOLE, 0 },
	{ "keep undefined", 1, KEEP, WHOLE, 2 },
	{ "keep zero", 2, KEEP, WHOLE, 2 },
	{ "keep unmapped", 3, KEEP, WHOLE, 2 },
	{ "keep a part of unmapped", 3, KEEP, MIDDLE, 2 },
	{ "keep an anchor", ANCHOR | 3, KEEP, WHOLE, 2 },
	{ "keep present", ANCHOR | 6, KEEP, WHOLE, ANCHOR | 6, true },
	{ "keep the middle", ANCHOR | 6, KEEP, MIDDLE, ANCHOR | 6, true },
	{ "fixed: keep present", ANCHOR | 6, KEEP, WHOLE, ANCHOR | 6, true,
	  true },
	{ "fixed: discard present", ANCHOR | 6, DISCARD, WHOLE, ANCHOR | 6,
	  false, true },
	{ "fixed: discard the middle", ANCHOR | 6, DISCARD, MIDDLE,
	  ANCHOR | 6, false, true },
	{ "fixed: zero present", ANCHOR | 6, ZEROES, WHOLE, ANCHOR | 6, true,
	  true },
	{ "fixed: zero the middle", ANCHOR | 6, ZEROES, MIDDLE, ANCHOR | 6,
	  true, true },
	{ "fixed: discard zero", 2, DISCARD, WHOLE, 2, false, true },
	{ "fixed: zero zero", 2, ZEROES, WHOLE, 2, false, true },
	{ "fixed: zero unmapped", 3, ZEROES, WHOLE, 2, false, true },
};

static void zero_row_name(const struct zero_row *row, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

KUNIT_ARRAY_PARAM(zero_row, zero_rows, zero_row_name);

static void zero_block(struct kunit *test)
{
	const struct zero_row *row = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	struct vhdx_run run;
	u64 pos, len;

	f->builder[0].param_flags = row->fixed;
	session = open_with(test, row->entry);
	part_of(row->part, &pos, &len);
	KUNIT_ASSERT_EQ(test, writer_zero(test, row->why, pos, len, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, len);
	KUNIT_EXPECT_EQ(test, run.kind,
			row->data ? VHDX_RUN_DATA : VHDX_RUN_ZERO);
	if (row->data) {
		KUNIT_EXPECT_EQ(test, run.layer, 0);
		KUNIT_EXPECT_EQ(test, run.offset, ANCHOR + pos % MIB);
		builder_fill(&f->builder[0], run.offset, run.length, 0);
	}
	KUNIT_EXPECT_EQ(test, writer_entry(test, BLOCK), row->after);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, BLOCK), row->entry);
	KUNIT_EXPECT_EQ(test, vhdx_session_changed(session),
			row->after != row->entry);
	KUNIT_EXPECT_EQ(test, vhdx_session_clean(session),
			row->after == row->entry ||
				row->why == VHDX_ZERO_DISCARD);
	/* A fixed image ignores what it need not do. */
	if (row->data || row->after != row->entry || !(row->entry & 4))
		KUNIT_EXPECT_EQ(test, sectors_unlike(test, pos, len, 0), 0);
	if (row->after & 4 && !(row->part == WHOLE))
		KUNIT_EXPECT_EQ(test, rest_unlike(test, pos, len, 0x9A), 0);
	KUNIT_EXPECT_EQ(test, session->stats.freed,
			(row->entry & 4) && !(row->after & 4));

	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, writer_disk_entry(test, BLOCK), row->after);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x9A);
	KUNIT_EXPECT_EQ(test, writer_read(test, 9 * MIB), 0x9A);
}

/* The last block of a disk that ends inside it. */
static void zero_last(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_run run;
	u64 offset, len = 300 * 512;

	b->size = 63 * MIB + len;
	builder_write(b);
	offset = builder_block(b, 63, 6);
	writer_open(test);
	/* All but a sector, at either end. */
	KUNIT_ASSERT_EQ(test, writer_zero(test, ZEROES, 63 * MIB, len - 512,
					  &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.length, len - 512);
	KUNIT_ASSERT_EQ(test, writer_zero(test, ZEROES, 63 * MIB + 512,
					  len - 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.offset, offset + 512);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 63), offset | 6);
	KUNIT_ASSERT_EQ(test, writer_zero(test, DISCARD, 63 * MIB, len, &run),
			0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, len);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 63), 3);
}

/* Many blocks in one call, up to what the caller must do himself. */
static void zero_many(struct kunit *test)
{
	struct vhdx_session *session = open_with(test, ANCHOR | 6);
	struct vhdx_run run;

	/* 1 and 5 are present and whole, 9 is not whole. */
	KUNIT_ASSERT_EQ(test, writer_zero(test, DISCARD, 0,
					  9 * MIB + 512 * 1024, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, 9 * MIB);
	KUNIT_EXPECT_EQ(test, session->stats.freed, 2);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 0), 0);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 3);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 5), 3);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 9), 9 * MIB | 6);
	/* From inside a block that is left, into those that are not there. */
	KUNIT_ASSERT_EQ(test, writer_zero(test, DISCARD, 9 * MIB + 4096,
					  20 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_DATA);
	KUNIT_EXPECT_EQ(test, run.offset, 9 * MIB + 4096);
	KUNIT_EXPECT_EQ(test, run.length, MIB - 4096);
	KUNIT_ASSERT_EQ(test, writer_zero(test, DISCARD, 10 * MIB, 54 * MIB,
					  &run), 0);
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	KUNIT_EXPECT_EQ(test, run.length, 54 * MIB);
}

/* The whole of a large disk is not done in one go under the lock. */
static void zero_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u32 calls = 0;
	u64 pos;

	f->builder[0].size = 8192 * MIB;
	writer_open_empty(test);
	for (pos = 0; pos < 8192 * MIB; pos += run.length, calls++) {
		KUNIT_ASSERT_EQ(test, writer_zero(test, DISCARD, pos,
						  8192 * MIB - pos, &run), 0);
		KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
		KUNIT_EXPECT_LE(test, run.length, 1024 * MIB);
	}
	KUNIT_EXPECT_GE(test, calls, 8);
	KUNIT_EXPECT_LE(test, calls, 33);
}

/* An entry of an older writer with reserved bits is not taken over. */
static void publish_clean(struct kunit *test)
{
	static const u64 states[] = { 0, 1, 2, 3 };
	struct fixture *f = test->priv;
	u32 i;

	open_with(test, 0);
	/* The survey would not allow to write such an image. */
	writer_work(test, VHDX_WORK_BEGIN);
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		u64 block = 20 + i;

		vhdx_pool_shrink(&f->image[0]->pool, 100);
		builder_entry(&f->builder[0], block,
			      77 * MIB | 0xFFFF8 | states[i]);
		writer_write(test, block * MIB, 512, 1);
		KUNIT_EXPECT_EQ(test, writer_entry(test, block) & 0xFFFFF, 6);
		writer_discard(test, DISCARD, block * MIB, MIB);
		KUNIT_EXPECT_EQ(test, writer_entry(test, block), 3);
		writer_discard(test, ZEROES, block * MIB, MIB);
		KUNIT_EXPECT_EQ(test, writer_entry(test, block), 2);
		writer_work(test, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
	}
}

static struct kunit_case session_state_cases[] = {
	KUNIT_CASE_PARAM(write_absent, absent_row_gen_params),
	KUNIT_CASE(write_present),
	KUNIT_CASE_PARAM(zero_block, zero_row_gen_params),
	KUNIT_CASE(zero_last),
	KUNIT_CASE(zero_many),
	KUNIT_CASE(zero_bounded),
	KUNIT_CASE(publish_clean),
	{}
};

struct kunit_suite vhdx_session_state_suite = {
	.name = "vhdx_session_state",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_state_cases,
};
