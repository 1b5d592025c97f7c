// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-space.c: where blocks get their space from, how long the file
 * becomes, and what is left of it at the end.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

/* FlushedFileOffset of the last entry of the log. */
static u64 flushed_offset(struct kunit *test)
{
	return writer_log_entry(test, 48, 8);
}

/* LastFileOffset. */
static u64 last_offset(struct kunit *test)
{
	return writer_log_entry(test, 56, 8);
}

/* Holes come first and are zeroed; then the end of the file, which is zeros. */
static void prepare_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];

	builder_write(b);
	builder_alloc(b, MIB);
	builder_block(b, 0, 6);
	builder_alloc(b, 2 * MIB);
	builder_block(b, 1, 6);
	builder_fill(b, 4 * MIB, 5 * MIB, 0xAB);
	writer_open(test);
	writer_work(test, VHDX_WORK_BEGIN);
	tracer_forget(&writer_of(test)->tracer);
	writer_write(test, 10 * MIB, 512, 1);
	writer_trace(test,
		     "zero 0x400000 +0x100000\n"
		     "zero 0x600000 +0x100000\n"
		     "zero 0x700000 +0x100000\n"
		     "extend 0xd00000\n");
	KUNIT_EXPECT_EQ(test, writer_offset(test, 10), 4 * MIB);
	writer_write(test, 11 * MIB, 512, 1);
	writer_write(test, 12 * MIB, 512, 1);
	writer_write(test, 13 * MIB, 512, 1);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 11), 6 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 12), 7 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 13), 9 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, 10 * MIB), 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 10 * MIB + 512), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 12 * MIB + MIB - 1), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0xAB);
}

/* A flush that comes meanwhile waits for what one call makes. */
static void prepare_in_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;
	u64 before;
	u32 k;

	f->builder[0].size = 256 * MIB;
	session = writer_open_empty(test);
	for (k = 0; k < 150; k++)
		writer_write(test, k * MIB, 512, 1);
	KUNIT_ASSERT_EQ(test, session->prepared.goal, 64);
	while (session->prepared.more)
		writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 64);
	for (; session->prepared.count; k++)
		writer_write(test, k * MIB, 512, 1);
	before = session->stats.prepared;
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_EQ(test, session->stats.prepared - before, 16);
	KUNIT_EXPECT_TRUE(test, session->prepared.more);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_EQ(test, session->stats.prepared - before, 32);
	KUNIT_EXPECT_TRUE(test, session->prepared.more);
	/* The rest is not wanted any more, nor is the committer for it. */
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_FALSE(test, session->prepared.more);
}

/* A worker that asks what is left to do would never come to rest. */
static void prepare_not_when_failed(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	WRITE_ONCE(session->prepared.more, true);
	vhdx_session_fail(session, VHDX_AT("file", 0), "is gone");
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), 0);
	KUNIT_EXPECT_FALSE(test, session->prepared.more);
	KUNIT_EXPECT_FALSE(test, session->prepared.wanted);
}

/* Blocks ahead of need: more of them the faster they go, up to 64 MiB. */
static void prepare_goal(struct kunit *test)
{
	static const u32 sizes[] = { 1, 32, 256 };
	static const u32 limits[] = { 64, 2, 2 };
	struct fixture *f = test->priv;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vhdx_session *session;
		u64 block = sizes[i] * MIB;
		u32 most = 0;

		ram_store_exit(&f->ram[0]);
		ram_store_init(&f->ram[0]);
		builder_init(&f->builder[0], &f->ram[0]);
		f->builder[0].block_size = block;
		f->builder[0].size = 500 * block;
		session = writer_open_empty(test);
		for (k = 0; k < 300; k++) {
			writer_write(test, k * block, 512, 1);
			most = max(most, session->prepared.count);
			KUNIT_EXPECT_LE(test, session->prepared.goal,
					limits[i]);
		}
		KUNIT_EXPECT_EQ(test, session->prepared.goal, limits[i]);
		/* Of large ones, each is used as soon as it is made. */
		KUNIT_EXPECT_EQ(test, most > 0, !i);
		KUNIT_EXPECT_LT(test, most, limits[i]);
		KUNIT_EXPECT_EQ(test, session->stats.allocated, 300);
		KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
		KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
		KUNIT_EXPECT_EQ(test, f->ram[0].store.size,
				4 * MIB + 300 * block);
		writer_crash(test);
		vhdx_image_close(f->image[0]);
		f->image[0] = NULL;
	}
}

/* Nobody wants blocks, so none is prepared. */
static void prepare_nothing(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_work(test, VHDX_WORK_COMMIT);
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, session->prepared.count, 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), 0);
	writer_trace(test, "flush\n");
}

/* A file that does not end at a whole MiB: the next block does not overlap. */
static void append_ragged(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = 4 * MIB + 512;
	session = writer_open(test);
	writer_write(test, 0, MIB, 0x11);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 5 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size,
			f->ram[0].store.size);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 6 * MIB);
}

/*
 * A block device is as long as it is: all of it is there, none of it is zero,
 * and nothing is cut off at the end.
 */
static void append_never(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhdx_session *session;

	builder_write(&f->builder[0]);
	f->ram[0].store.size = 12 * MIB;
	builder_fill(&f->builder[0], 4 * MIB, 8 * MIB, 0xCD);
	f->builder[0].param_flags = 1;
	session = writer_open_empty(test);
	writer_write(test, 0, 512, 0x11);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 0), 4 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_EXTEND], 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 512), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 12 * MIB);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_TRUNCATE], 0);
	/* And goes on in the same way. */
	writer_write(test, MIB, 512, 0x12);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 1), 5 * MIB);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB + 512), 0);
}

/*
 * The one is the end of what the entry, or one before it, points to; the other
 * what of that a flush before the entry has found the file to have.
 */
static void entry_offsets(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, flushed_offset(test), 4 * MIB);
	KUNIT_EXPECT_EQ(test, last_offset(test), 4 * MIB);
	writer_write(test, 0, 512, 1);
	KUNIT_EXPECT_GT(test, f->ram[0].store.size, 5 * MIB);
	writer_commit(test);
	/* The blocks that are only prepared do not count. */
	KUNIT_EXPECT_EQ(test, flushed_offset(test), 5 * MIB);
	KUNIT_EXPECT_EQ(test, last_offset(test), 5 * MIB);
	writer_write(test, MIB, 2 * MIB, 1);
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 7 * MIB);
	/* An older entry may be replayed with it, and names what is gone. */
	writer_discard(test, VHDX_ZERO_DISCARD, 2 * MIB, MIB);
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 7 * MIB);
	KUNIT_EXPECT_EQ(test, flushed_offset(test), 7 * MIB);
	/* The next session looks anew. */
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_work(test, VHDX_WORK_BEGIN);
	KUNIT_EXPECT_EQ(test, last_offset(test), 6 * MIB);
	KUNIT_EXPECT_EQ(test, flushed_offset(test), 6 * MIB);
}

/* While the entry is written, blocks behind all others are published. */
static void write_now(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;
	struct fixture *f = test->priv;

	if (op != RAM_WRITE || pos < f->builder[0].log_offset)
		return;
	writer_of(test)->tracer.hook = NULL;
	writer_write(test, 40 * MIB, 512, 2);
}

static void entry_offsets_race(struct kunit *test)
{
	struct writer *w = writer_of(test);

	writer_begin_empty(test);
	writer_write(test, 0, 512, 1);
	w->tracer.hook = write_now;
	w->tracer.context = test;
	writer_commit(test);
	KUNIT_EXPECT_PTR_EQ(test, w->tracer.hook, NULL);
	KUNIT_EXPECT_EQ(test, last_offset(test), 5 * MIB);
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, last_offset(test), 6 * MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 40 * MIB), 2);
	KUNIT_EXPECT_EQ(test, writer_read(test, 40 * MIB + 512), 0);
}

/* The flush before an entry covers the growth that the entry needs. */
static void entry_offsets_growth(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 flushed, last, i;

	writer_begin_empty(test);
	for (i = 0; i < 40; i++) {
		writer_write(test, i * MIB, 512, 1);
		if (i % 3)
			continue;
		writer_commit(test);
		flushed = flushed_offset(test);
		last = last_offset(test);
		KUNIT_EXPECT_EQ(test, flushed % MIB, 0);
		KUNIT_EXPECT_EQ(test, last, (5 + i) * MIB);
		KUNIT_EXPECT_LE(test, flushed, f->ram[0].store.size);
		KUNIT_EXPECT_LE(test, last, flushed);
	}
}

static const int no_room_errors[] = { ENOSPC, EDQUOT, EFBIG };

static void no_room_name(const int *error, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "errno %d", *error);
}

KUNIT_ARRAY_PARAM(no_room, no_room_errors, no_room_name);

/*
 * No room: whoever needs it is told, all others go on, what was written can be
 * committed; and when there is room again, so can the rest.
 */
static void no_space(struct kunit *test)
{
	const int *error = test->param_value;
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);
	struct vhdx_run run;

	w->tracer.limit = 6 * MIB;
	w->tracer.limit_error = -*error;
	/* Not for as many blocks as it likes to have, but for two. */
	writer_write(test, 0, 2 * MIB, 0x11);
	KUNIT_EXPECT_EQ(test, writer_map(test, 2 * MIB, 512, &run), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, session->no_space);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	writer_write(test, MIB, MIB, 0x12);
	writer_discard(test, VHDX_ZERO_WRITE, 5 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, 2 * MIB, 512, &run), -ENOSPC);

	/* Somebody makes room; the committer finds out when it works next. */
	w->tracer.limit = 8 * MIB;
	writer_work(test, 0);
	KUNIT_EXPECT_FALSE(test, session->no_space && !session->prepared.count);
	writer_write(test, 2 * MIB, 2 * MIB, 0x13);
	KUNIT_EXPECT_EQ(test, writer_map(test, 4 * MIB, 512, &run), -ENOSPC);
	/* So does a block that gives up its own. */
	writer_discard(test, VHDX_ZERO_DISCARD, 3 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_drain(test);
	writer_write(test, 4 * MIB, MIB, 0x14);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
	KUNIT_EXPECT_EQ(test, writer_read(test, MIB), 0x12);
	KUNIT_EXPECT_EQ(test, writer_read(test, 2 * MIB), 0x13);
	KUNIT_EXPECT_EQ(test, writer_read(test, 3 * MIB), 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 4 * MIB), 0x14);
}

/*
 * A hole in the file has no space behind it, so that zeroing it may find none
 * either. It stays a hole, and is there when there is room again.
 */
static void no_space_in_hole(struct kunit *test)
{
	const int *error = test->param_value;
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;
	struct vhdx_run run;

	builder_write(b);
	builder_alloc(b, MIB);
	builder_block(b, 0, 6);
	session = writer_open(test);
	writer_of(test)->tracer.limit = 6 * MIB;
	writer_of(test)->tracer.limit_error = -*error;
	writer_work(test, VHDX_WORK_BEGIN);
	ram_store_break_op(&f->ram[0], RAM_ZERO, 1, -*error);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	writer_work(test, 0);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB);
}

/* An extension that fails for another reason is the end of writing. */
static void extend_fails(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);
	struct vhdx_run run;

	w->tracer.limit = 6 * MIB;
	w->tracer.limit_error = -EIO;
	KUNIT_EXPECT_EQ(test, writer_map(test, 0, 512, &run), -EIO);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_STREQ(test, (const char *)session->reason,
			   "file at offset 0x0: space for new blocks cannot be prepared");
}

/* If nobody was refused a block before the session ended, the next one begins. */
static void extend_fails_at_end(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);
	struct vhdx_miss miss;
	struct vhdx_run run;

	w->tracer.limit = 6 * MIB;
	w->tracer.limit_error = -EIO;
	while (vhdx_session_map(session, 0, 512, &run, &miss) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	w->tracer.limit = U64_MAX;
	writer_write(test, 0, 512, 0x11);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 0x11);
}

/* The file grows in steps of an eighth, of 256 MiB at the most. */
static void growth(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 size = 4 * MIB, steps = 0, i;

	f->builder[0].size = 8192 * MIB;
	writer_begin_empty(test);
	for (i = 0; i < 4096; i++) {
		u64 now;

		writer_write(test, i * MIB, 512, 1);
		now = f->ram[0].store.size;
		if (now == size)
			continue;
		KUNIT_EXPECT_LE(test, now - size, 256 * MIB);
		KUNIT_EXPECT_EQ(test, now % MIB, 0);
		size = now;
		steps++;
		writer_commit(test);
	}
	KUNIT_EXPECT_LE(test, steps, 50);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 4095), 4099 * MIB);
}

/* A fixed image is not cut shorter than it was found, but what we added goes. */
static void trim_fixed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	b->param_flags = 1;
	builder_write(b);
	builder_alloc(b, 60 * MIB);
	session = writer_open(test);
	writer_write(test, 0, MIB, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 64 * MIB);
	/* As QEMU makes them: all blocks are zero, and then they are not. */
	writer_write(test, 0, 62 * MIB, 1);
	KUNIT_EXPECT_GT(test, f->ram[0].store.size, 66 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 66 * MIB);
}

/*
 * A file that cannot be cut is longer than it need be, and as good; what was
 * added to it and not used is used next, and needs no zeroing.
 */
static void trim_fails(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct fixture *f = test->priv;

	writer_write(test, 0, MIB, 1);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 8 * MIB);
	ram_store_break_op(&f->ram[0], RAM_TRUNCATE, 1, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 8 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 8 * MIB);
	writer_write(test, MIB, 8 * MIB, 2);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 1), 5 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 13 * MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 0), 1);
	KUNIT_EXPECT_EQ(test, writer_read(test, 8 * MIB), 2);
}

/* Blocks at the end of the file that were given up go with it. */
static void trim_freed(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct fixture *f = test->priv;

	writer_write(test, 0, 6 * MIB, 1);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_discard(test, VHDX_ZERO_DISCARD, 5 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 9 * MIB);
	/* What waits in two places at once goes, too. */
	writer_discard(test, VHDX_ZERO_DISCARD, 4 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	writer_discard(test, VHDX_ZERO_DISCARD, 3 * MIB, MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 7 * MIB);
	KUNIT_EXPECT_EQ(test, f->image[0]->limits.file_size, 7 * MIB);
	/* The hole is known, so the next session uses it. */
	writer_write(test, 10 * MIB, 2 * MIB, 2);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 10), 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 11), 7 * MIB);
	KUNIT_EXPECT_EQ(test, writer_not_zero(test, 11), 256);
}

/* Past 4 GiB and past 32 GiB of the file, at a place that few have. */
static void far_away(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct builder *b = &f->builder[0];
	struct vhdx_session *session;

	builder_write(b);
	b->end = 32767 * MIB;
	builder_block(b, 0, 6);
	session = writer_open(test);
	/* There is a hole of nearly 32 GiB before it. */
	writer_write(test, MIB, 512, 1);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 1), 4 * MIB);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 5 * MIB);

	writer_crash(test);
	vhdx_image_close(f->image[0]);
	f->image[0] = NULL;
	b->end = 32766 * MIB;
	builder_block(b, 2, 6);
	f->ram[0].store.size = 32768 * MIB;
	session = writer_open(test);
	vhdx_session_survey(session);
	/* All holes are taken, so that the file grows past the border. */
	while (vhdx_space_find(&session->space, MIB, 32768 * MIB) != U64_MAX)
		;
	writer_write(test, 10 * MIB, 2 * MIB, 3);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 10), 32768 * MIB);
	KUNIT_EXPECT_EQ(test, writer_offset(test, 11), 32769 * MIB);
	writer_work(test, VHDX_WORK_COMMIT);
	KUNIT_EXPECT_EQ(test, last_offset(test), 32770 * MIB);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, writer_read(test, 11 * MIB), 3);
}

static struct kunit_case session_space_cases[] = {
	KUNIT_CASE(prepare_not_when_failed),
	KUNIT_CASE(prepare_order),
	KUNIT_CASE(prepare_in_pieces),
	KUNIT_CASE(prepare_goal),
	KUNIT_CASE(prepare_nothing),
	KUNIT_CASE(append_ragged),
	KUNIT_CASE(append_never),
	KUNIT_CASE(entry_offsets),
	KUNIT_CASE(entry_offsets_race),
	KUNIT_CASE(entry_offsets_growth),
	KUNIT_CASE_PARAM(no_space, no_room_gen_params),
	KUNIT_CASE_PARAM(no_space_in_hole, no_room_gen_params),
	KUNIT_CASE(extend_fails),
	KUNIT_CASE(extend_fails_at_end),
	KUNIT_CASE(growth),
	KUNIT_CASE(trim_fixed),
	KUNIT_CASE(trim_freed),
	KUNIT_CASE(trim_fails),
	KUNIT_CASE(far_away),
	{}
};

struct kunit_suite vhdx_session_space_suite = {
	.name = "vhdx_session_space",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_space_cases,
};
