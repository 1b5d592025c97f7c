// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/move.c, engine/copy.c: a block moves down while others read, write and
 * discard it, and crashes.
 */
#include "child-rig.h"
#include "copy.h"
#include "history.h"
#include "move.h"
#include "suites.h"

#define MIB VHDX_MIB
#define KIB VHDX_KIB

/* The disk of most tests, in blocks of 1 MiB. */
#define SIZE	(16 * MIB)

/* Blocks in the order of the file: from 6, 8, 9, 13 and 15 MiB on. */
static const struct place {
	u32 block;
	u32 gap;
	u8 byte;
} places[] = {
	{ 7, 2, 0x71 }, { 2, 1, 0x21 }, { 5, 0, 0x51 }, { 0, 3, 0x01 },
	{ 15, 1, 0xF1 },
};

/* Where the last two have to go, and with them block 5. */
#define GOAL	(9 * MIB)
#define LONG	(16 * MIB)

/* The highest block: the one that most tests move. */
#define HIGH	15U

static void add_block(struct builder *b, const struct place *place)
{
	u64 pos;

	builder_alloc(b, place->gap * MIB);
	pos = builder_block(b, place->block, 6);
	builder_fill(b, pos, 4 * KIB, place->byte);
	builder_fill(b, pos + MIB - 4 * KIB, 4 * KIB, place->byte);
}

static struct vhdx_session *open_scattered(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	u32 i;

	b->size = SIZE;
	builder_write(b);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		add_block(b, &places[i]);
	return writer_open(test);
}

static struct vhdx_session *begin_scattered(struct kunit *test)
{
	struct vhdx_session *session = open_scattered(test);

	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	return session;
}

static void expect_contents(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u64 pos = places[i].block * MIB;

		KUNIT_EXPECT_EQ(test, writer_read(test, pos), places[i].byte);
		KUNIT_EXPECT_EQ(test, writer_read(test, pos + MIB - 1),
				places[i].byte);
		KUNIT_EXPECT_EQ(test, writer_read(test, pos + MIB / 2), 0);
	}
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0);
}

static void expect_sound(struct kunit *test)
{
	struct fixture *f = test->priv;

	findings_init(&f->found);
	fixture_check(test);
	fixture_expect(test, "");
}

static struct vhdx_move_goal goal_of(struct kunit *test)
{
	struct vhdx_move_goal goal = {};
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_move_goal(writer_of(test)->session, &goal, &miss)) ==
	       -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, r, 0);
	return goal;
}

static int begin(struct kunit *test, u64 *index, u64 end)
{
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_move_begin(writer_of(test)->session, index, end,
				    &miss)) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	return r;
}

/* Begin to move the highest block. */
static void begin_high(struct kunit *test)
{
	u64 index = 0;

	KUNIT_ASSERT_EQ(test, begin(test, &index, LONG - MIB), 0);
	KUNIT_ASSERT_EQ(test, index, HIGH);
}

/* Copy the next @len bytes, or all. */
static int copy(struct kunit *test, u32 len)
{
	u8 *data = kvmalloc(MIB, GFP_KERNEL);
	int r = -ENOMEM;

	if (data)
		r = vhdx_move_copy(writer_of(test)->session, data, len);
	kvfree(data);
	return r;
}

static int copy_all(struct kunit *test)
{
	int r;

	while ((r = copy(test, MIB)) > 0)
		;
	return r;
}

static int publish(struct kunit *test)
{
	struct vhdx_miss miss;
	int r;

	while ((r = vhdx_move_publish(writer_of(test)->session, &miss)) ==
	       -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	return r;
}

static void move_high(struct kunit *test)
{
	begin_high(test);
	KUNIT_ASSERT_EQ(test, copy_all(test), 0);
	KUNIT_ASSERT_EQ(test, publish(test), 0);
}

/* Move all blocks from @end on. Returns what ended it. */
static int move_all(struct kunit *test, u64 end)
{
	u64 index = 0;
	int r;

	while (!(r = begin(test, &index, end))) {
		r = copy_all(test);
		if (!r)
			r = publish(test);
		if (r)
			break;
		index++;
	}
	return r;
}

static void goal(struct kunit *test)
{
	struct vhdx_move_goal goal;

	begin_scattered(test);
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, goal.end, GOAL);
	KUNIT_EXPECT_EQ(test, goal.length, GOAL);
	KUNIT_EXPECT_EQ(test, goal.moves, 3 * MIB);
	KUNIT_EXPECT_EQ(test, move_all(test, goal.end), -ENOENT);
	KUNIT_EXPECT_EQ(test, writer_of(test)->session->stats.moved, 3);
	/* Their old places do not count, though they are not free yet. */
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, goal.moves, 0);
	KUNIT_EXPECT_EQ(test, goal.length, GOAL);
	expect_contents(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	expect_contents(test);
	expect_sound(test);
	KUNIT_EXPECT_EQ(test, ((struct fixture *)test->priv)->ram[0].store.size,
			GOAL);
	/* What could stay has stayed. */
	KUNIT_EXPECT_EQ(test, writer_offset(test, 7), 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 2), 8 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 5), 5 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, HIGH), 7 * MIB);
}

static void prepare(struct kunit *test, u32 count)
{
	struct vhdx_session *session = writer_of(test)->session;

	spin_lock(&session->image->pool.lock);
	session->prepared.goal = count;
	WRITE_ONCE(session->prepared.wanted, true);
	spin_unlock(&session->image->pool.lock);
	/* The goal rises if there is less than half of it. */
	while (session->prepared.count < count)
		KUNIT_ASSERT_EQ(test, vhdx_session_prepare(session), 0);
}

/* What is prepared is no block: it is given back if it is in the way. */
static void goal_prepared(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	struct vhdx_move_goal goal;
	u64 index = 0;

	prepare(test, 8);
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	KUNIT_EXPECT_EQ(test, goal.end, GOAL);
	KUNIT_EXPECT_EQ(test, goal.moves, 3 * MIB);
	/* At 4, 5, 7 and 10 MiB, of which the last one is high. */
	prepare(test, 4);
	session->prepared.goal = 4;
	while (session->prepared.count > 4) {
		spin_lock(&session->image->pool.lock);
		vhdx_session_unprepare(session, 11 * MIB);
		spin_unlock(&session->image->pool.lock);
	}
	KUNIT_EXPECT_EQ(test, begin(test, &index, 10 * MIB), 0);
	/* There was no other hole so low, so the others went, too. */
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	KUNIT_EXPECT_EQ(test, session->move.to, 4 * MIB);
	vhdx_session_stay(session);
	prepare(test, 2);
	spin_lock(&session->image->pool.lock);
	vhdx_session_unprepare(session, 7 * MIB);
	spin_unlock(&session->image->pool.lock);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 2);
	index = 0;
	KUNIT_EXPECT_EQ(test, begin(test, &index, 10 * MIB), 0);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 2);
	KUNIT_EXPECT_EQ(test, session->move.to, 7 * MIB);
	vhdx_session_stay(session);
}

/* The file of a fixed disk has space for all of its blocks. */
static void goal_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_move_goal goal;

	f->builder[0].param_flags |= 1;
	begin_scattered(test);
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, goal.moves, 0);
	KUNIT_EXPECT_EQ(test, goal.length, LONG);
}

/* Data and zeros are put, a flush makes them durable, and then an entry. */
static void order(struct kunit *test)
{
	begin_scattered(test);
	begin_high(test);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, copy(test, MIB), MIB);
	writer_trace(test, "write 0x400000 +0x10000\nzero 0x410000 +0xe0000\n"
		     "write 0x4f0000 +0x10000\n");
	KUNIT_EXPECT_EQ(test, copy(test, MIB), 0);
	KUNIT_EXPECT_EQ(test, publish(test), 0);
	writer_trace(test, "");
	KUNIT_EXPECT_FALSE(test,
			   vhdx_session_clean(writer_of(test)->session));
	writer_work(test, VHDX_WORK_COMMIT);
	writer_trace(test, "flush\nwrite log 0x1000 +0x3000\nflush\n");
	writer_drain(test);
	writer_trace(test, "discard 0xf00000 +0x100000\n");
}

static void expect_fenced(struct kunit *test, u64 pos, u64 len, int r)
{
	struct vhdx_session *session = writer_of(test)->session;
	struct vhdx_run run;

	KUNIT_EXPECT_EQ(test, writer_map(test, pos, len, &run), r);
	/* Zeros for a part, and for a block that must keep its space. */
	KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_WRITE, pos, 4096,
					  &run), r);
	KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_DISCARD, pos, 4096,
					  &run), r);
	KUNIT_EXPECT_EQ(test, writer_zero(test, VHDX_ZERO_KEEP, pos, MIB,
					  &run), r);
	KUNIT_EXPECT_EQ(test, vhdx_session_straight(session), !r);
}

/* Nobody gets to write the block, others can be written, all can be read. */
static void fence(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	struct vhdx_run run;

	KUNIT_EXPECT_TRUE(test, vhdx_session_straight(session));
	begin_high(test);
	expect_fenced(test, HIGH * MIB, MIB, -EALREADY);
	KUNIT_ASSERT_EQ(test, writer_map(test, 7 * MIB, 4096, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 6 * MIB);
	expect_contents(test);
	KUNIT_EXPECT_EQ(test, copy(test, 256 * KIB), 256 * KIB);
	expect_fenced(test, HIGH * MIB, MIB, -EALREADY);
	KUNIT_EXPECT_EQ(test, copy_all(test), 0);
	expect_fenced(test, HIGH * MIB, MIB, -EALREADY);
	KUNIT_EXPECT_EQ(test, publish(test), 0);
	expect_fenced(test, HIGH * MIB, MIB, 0);
	KUNIT_ASSERT_EQ(test, writer_map(test, HIGH * MIB, 4096, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB);
	expect_contents(test);
}

/* Blocks 2 and 5 follow each other in the file, and now on the disk, too. */
static void fence_in_run(struct kunit *test)
{
	struct vhdx_run run;
	u64 index = 6;

	open_scattered(test);
	builder_entry(&((struct fixture *)test->priv)->builder[0], 6,
		      16 * MIB | 6);
	builder_alloc(&((struct fixture *)test->priv)->builder[0], MIB);
	writer_crash(test);
	writer_open(test);
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_ASSERT_EQ(test, begin(test, &index, 16 * MIB), 0);
	KUNIT_ASSERT_EQ(test, index, 6);
	KUNIT_ASSERT_EQ(test, writer_map(test, 5 * MIB, 2 * MIB, &run), 0);
	KUNIT_EXPECT_EQ(test, run.length, MIB);
	vhdx_session_stay(writer_of(test)->session);
}

/* What is written to the new place is durable as all else is. */
static void write_moved(struct kunit *test)
{
	begin_scattered(test);
	move_high(test);
	writer_write(test, HIGH * MIB, 4096, 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, HIGH * MIB), 0x99);
	writer_crash(test);
	/* Nothing was flushed. */
	KUNIT_EXPECT_EQ(test, writer_offset(test, HIGH), 15 * MIB);
	expect_contents(test);
	writer_open(test);
	writer_work(test, VHDX_WORK_BEGIN);
	move_high(test);
	writer_write(test, HIGH * MIB, 4096, 0x99);
	writer_commit(test);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_offset(test, HIGH), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, HIGH * MIB), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, 16 * MIB - 1), 0xF1);
	expect_sound(test);
}

static void expect_void(struct kunit *test)
{
	struct vhdx_session *session = writer_of(test)->session;

	KUNIT_EXPECT_EQ(test, copy_all(test), -ECANCELED);
	KUNIT_EXPECT_EQ(test, publish(test), -ECANCELED);
	vhdx_session_stay(session);
	KUNIT_EXPECT_TRUE(test, vhdx_session_straight(session));
	KUNIT_EXPECT_EQ(test, session->stats.moved, 0);
}

/* A discard is faster: the block must not come back. */
static void discard(struct kunit *test)
{
	u32 done;

	for (done = 0; done <= MIB; done += MIB / 2) {
		begin_scattered(test);
		begin_high(test);
		if (done)
			KUNIT_ASSERT_EQ(test, copy(test, done), done);
		writer_discard(test, VHDX_ZERO_DISCARD, HIGH * MIB, MIB);
		KUNIT_EXPECT_EQ(test, writer_read(test, HIGH * MIB), 0);
		expect_void(test);
		KUNIT_EXPECT_EQ(test, writer_entry(test, HIGH) & 7, 3);
		writer_commit(test);
		writer_crash(test);
		KUNIT_EXPECT_EQ(test, writer_read(test, HIGH * MIB), 0);
		expect_sound(test);
		writer_restart(test);
	}
}

/* And the block gets the space again that it had: entries do not tell. */
static void discard_and_write(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	u64 taken;

	begin_high(test);
	/* So that there is no other free space than that. */
	spin_lock(&session->image->pool.lock);
	while ((taken = vhdx_space_find(&session->space, MIB, LONG)) !=
	       U64_MAX)
		;
	spin_unlock(&session->image->pool.lock);
	KUNIT_ASSERT_EQ(test, copy_all(test), 0);
	writer_discard(test, VHDX_ZERO_DISCARD, HIGH * MIB, MIB);
	writer_commit(test);
	writer_drain(test);
	writer_write(test, HIGH * MIB, 4096, 0x99);
	KUNIT_ASSERT_EQ(test, writer_offset(test, HIGH), 15 * MIB);
	expect_void(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, HIGH * MIB), 0x99);
	KUNIT_EXPECT_EQ(test, writer_read(test, 16 * MIB - 1), 0);
}

/* The hole is free again, and the block is where it was. */
static void expect_given_up(struct kunit *test)
{
	struct vhdx_session *session = writer_of(test)->session;

	vhdx_session_stay(session);
	KUNIT_EXPECT_FALSE(test, session->move.fenced);
	KUNIT_EXPECT_EQ(test, writer_offset(test, HIGH), 15 * MIB);
	spin_lock(&session->image->pool.lock);
	KUNIT_EXPECT_EQ(test, vhdx_space_hole(&session->space, MIB, 0, LONG),
			4 * MIB);
	spin_unlock(&session->image->pool.lock);
	expect_contents(test);
}

static void given_up(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);

	vhdx_session_stay(session);
	begin_high(test);
	KUNIT_ASSERT_EQ(test, copy(test, MIB / 2), MIB / 2);
	expect_given_up(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_straight(session));
	KUNIT_EXPECT_EQ(test, copy(test, MIB), -ECANCELED);
	KUNIT_EXPECT_EQ(test, publish(test), -ECANCELED);
	/* A new block there reads as zeros, whatever was copied. */
	writer_write(test, 3 * MIB, 512, 0x33);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 3), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB + 512), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
}

/* The end of a session is the end of a move. */
static void session_ends(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session = begin_scattered(test);

	begin_high(test);
	KUNIT_ASSERT_EQ(test, copy_all(test), 0);
	KUNIT_ASSERT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, copy(test, MIB), -EBUSY);
	KUNIT_EXPECT_EQ(test, publish(test), -EBUSY);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, LONG);
	writer_crash(test);
	expect_contents(test);
	expect_sound(test);
}

/* A session that has failed moves nothing. */
static void session_fails(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	u64 index = 0;

	begin_high(test);
	KUNIT_ASSERT_EQ(test, copy(test, MIB / 2), MIB / 2);
	vhdx_session_fail(session, VHDX_AT("file", 0), "is tested");
	KUNIT_EXPECT_EQ(test, copy(test, MIB), -EROFS);
	KUNIT_EXPECT_EQ(test, publish(test), -EROFS);
	expect_given_up(test);
	KUNIT_EXPECT_FALSE(test, vhdx_session_straight(session));
	KUNIT_EXPECT_EQ(test, begin(test, &index, GOAL), -EROFS);
}

/* One that has not begun does not either. */
static void session_is_new(struct kunit *test)
{
	u64 index = 0;

	open_scattered(test);
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, begin(test, &index, GOAL), -EBUSY);
	KUNIT_EXPECT_EQ(test, goal_of(test).moves, 3 * MIB);
}

/* What the store cannot do is no fault of the image's. */
static void store_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session = begin_scattered(test);

	begin_high(test);
	ram_store_break_op(&f->ram[0], RAM_WRITE, 2, -ECANCELED);
	KUNIT_EXPECT_EQ(test, copy_all(test), -EIO);
	expect_given_up(test);
	ram_store_mend(&f->ram[0]);
	begin_high(test);
	ram_store_break_range(&f->ram[0], 15 * MIB, MIB, -EIO);
	KUNIT_EXPECT_EQ(test, copy_all(test), -EIO);
	ram_store_mend(&f->ram[0]);
	expect_given_up(test);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	move_high(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	expect_contents(test);
}

/* No hole is low enough for the block; or the store has no room for it. */
static void no_room(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	u64 index = 0;

	KUNIT_EXPECT_EQ(test, begin(test, &index, 4 * MIB), -ENOSPC);
	KUNIT_EXPECT_EQ(test, index, 0);
	KUNIT_EXPECT_FALSE(test, session->move.fenced);
	KUNIT_EXPECT_EQ(test, begin(test, &index, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, begin(test, &index, LONG), -ENOENT);
	KUNIT_EXPECT_EQ(test, begin(test, &index, U64_MAX), -ENOENT);
	KUNIT_EXPECT_EQ(test, move_all(test, LONG), -ENOENT);
	index = U64_MAX;
	KUNIT_EXPECT_EQ(test, begin(test, &index, GOAL), -ENOENT);
}

static int refuse_reserve(struct vhdx_store *store, u64 pos, u64 len)
{
	return -EDQUOT;
}

static void no_room_in_store(struct kunit *test)
{
	u64 index = 0;

	begin_scattered(test);
	writer_of(test)->tracer.ops.reserve = refuse_reserve;
	KUNIT_EXPECT_EQ(test, begin(test, &index, GOAL), -ENOSPC);
	writer_of(test)->tracer.ops.reserve = NULL;
	expect_given_up(test);
}

/* The transaction is full, or the page of the entry is gone. */
static void publish_waits(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	u32 limit = session->journal.page_limit;
	struct vhdx_miss miss;

	begin_high(test);
	KUNIT_ASSERT_EQ(test, copy_all(test), 0);
	session->journal.page_limit = 0;
	KUNIT_EXPECT_EQ(test, publish(test), -EBUSY);
	KUNIT_EXPECT_TRUE(test, session->move.fenced);
	session->journal.page_limit = limit;
	vhdx_pool_shrink(&session->image->pool, 100);
	KUNIT_EXPECT_EQ(test, vhdx_move_publish(session, &miss), -EAGAIN);
	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_move_publish(session, &miss), 0);
	expect_contents(test);
}

/* A partially present block keeps its bits, and gets more while it moves. */
static void child(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = child_rig_files(test);
	struct vhdx_session *session;
	u64 bitmap, pos, start = child_rig_start(test);
	struct vhdx_move_goal goal;
	struct vhdx_run run;

	bitmap = builder_bitmap(b, 0);
	builder_alloc(b, 2 * MIB);
	pos = builder_block(b, CHILD_RIG_BLOCK, 7);
	builder_fill(b, pos, MIB, 0x66);
	builder_present(b, bitmap, CHILD_RIG_BLOCK * 2048, 8);
	session = child_rig_begin(test);
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, goal.end, bitmap + 2 * MIB);
	KUNIT_EXPECT_EQ(test, goal.length, bitmap + 2 * MIB);
	KUNIT_EXPECT_EQ(test, goal.moves, MIB);
	/* A write that has ended, and whose bits are not set yet. */
	KUNIT_ASSERT_EQ(test, writer_map(test, start + 8192, 4096, &run), 0);
	builder_fill(b, run.offset, run.length, 0x77);
	pos = 0;
	KUNIT_ASSERT_EQ(test, begin(test, &pos, goal.end), 0);
	KUNIT_ASSERT_EQ(test, copy_all(test), 0);
	KUNIT_EXPECT_EQ(test, writer_wrote(test, start + 8192, 4096), 0);
	KUNIT_ASSERT_EQ(test, publish(test), 0);
	KUNIT_EXPECT_EQ(test, writer_entry(test, CHILD_RIG_BLOCK),
			(bitmap + MIB) | 7);
	KUNIT_EXPECT_EQ(test, writer_read(test, start), 0x66);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 4096),
			CHILD_RIG_PARENT);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 8192), 0x77);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, bitmap + 2 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 8192), 0x77);
	KUNIT_EXPECT_EQ(test, writer_read(test, start + 12288),
			CHILD_RIG_PARENT);
	expect_sound(test);
}

/* Behind a sector bitmap there is nothing to gain: it stays. */
static void child_bitmap_high(struct kunit *test)
{
	struct builder *b = child_rig_files(test);
	struct vhdx_move_goal goal;
	u64 bitmap;

	builder_alloc(b, 2 * MIB);
	builder_block(b, CHILD_RIG_BLOCK, 7);
	bitmap = builder_bitmap(b, 0);
	child_rig_begin(test);
	goal = goal_of(test);
	KUNIT_EXPECT_EQ(test, goal.moves, 0);
	KUNIT_EXPECT_EQ(test, goal.length, bitmap + MIB);
}

/* Entries that failed their checks stay, and do not hold up the others. */
static void faulty(struct kunit *test)
{
	struct vhdx_session *session = begin_scattered(test);
	struct vhdx_page *page;
	u64 index = 0;

	KUNIT_ASSERT_EQ(test, begin(test, &index, LONG), -ENOENT);
	spin_lock(&session->image->pool.lock);
	page = vhdx_page_map_find(&session->image->bat_pages, 0);
	__set_bit(0, page->faulty);
	spin_unlock(&session->image->pool.lock);
	KUNIT_EXPECT_EQ(test, move_all(test, GOAL), -ENOENT);
	KUNIT_EXPECT_EQ(test, session->stats.moved, 2);
}

/* A BAT of many pages is not looked at in one go. */
static void look_pauses(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 index = 0;

	f->builder[0].size = 100000 * MIB;
	session = writer_begin_empty(test);
	/* A page that is missing ends a call, too. */
	KUNIT_EXPECT_EQ(test, begin(test, &index, 0), -ENOENT);
	index = 0;
	KUNIT_EXPECT_EQ(test, begin(test, &index, 0), -EINPROGRESS);
	KUNIT_EXPECT_LT(test, index, session->image->bat.entries);
	KUNIT_EXPECT_EQ(test, index % 512, 0);
	KUNIT_EXPECT_GT(test, index, 0);
	while (begin(test, &index, 0) == -EINPROGRESS)
		;
	KUNIT_EXPECT_EQ(test, index, session->image->bat.entries);
}

/* Both ends of each block, whatever of an epoch a disk has kept. */
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
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u64 pos = (places[i].block + 1) * MIB - 512;

		KUNIT_EXPECT_EQ(test, vhdx_chain_read(chain, pos, sector, 512),
				0);
		KUNIT_EXPECT_EQ(test, sector[0], places[i].byte);
		pos -= MIB - 512;
		KUNIT_EXPECT_EQ(test, vhdx_chain_read(chain, pos, sector, 512),
				0);
		KUNIT_EXPECT_EQ(test, sector[0], places[i].byte);
	}
	vhdx_chain_free(chain);
	vhdx_image_close(image);
}

static void torn(struct kunit *test)
{
	struct history *history = history_new(test, check_state, NULL);

	open_scattered(test);
	history_record(history);
	writer_work(test, VHDX_WORK_BEGIN);
	move_high(test);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_drain(test);
	KUNIT_EXPECT_EQ(test, move_all(test, GOAL), -ENOENT);
	writer_work(test, VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
	writer_drain(test);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	history_stop(history);
	KUNIT_EXPECT_GE(test, history_crash(history), 200);
	history_free(history);
}

static struct kunit_case move_cases[] = {
	KUNIT_CASE(goal),
	KUNIT_CASE(goal_prepared),
	KUNIT_CASE(goal_fixed),
	KUNIT_CASE(order),
	KUNIT_CASE(fence),
	KUNIT_CASE(fence_in_run),
	KUNIT_CASE(write_moved),
	KUNIT_CASE(discard),
	KUNIT_CASE(discard_and_write),
	KUNIT_CASE(given_up),
	KUNIT_CASE(session_ends),
	KUNIT_CASE(session_fails),
	KUNIT_CASE(session_is_new),
	KUNIT_CASE(store_fails),
	KUNIT_CASE(no_room),
	KUNIT_CASE(no_room_in_store),
	KUNIT_CASE(publish_waits),
	KUNIT_CASE(child),
	KUNIT_CASE(child_bitmap_high),
	KUNIT_CASE(faulty),
	KUNIT_CASE(look_pauses),
	KUNIT_CASE(torn),
	{}
};

struct kunit_suite vhdx_move_suite = {
	.name = "vhdx_move",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = move_cases,
};
