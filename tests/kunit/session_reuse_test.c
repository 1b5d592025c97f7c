// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session-space.c: when space that a block gave up is used again.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB

/* The way of a block's space from one owner to the next, step by step. */
static void reuse_steps(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);
	struct fixture *f = test->priv;
	struct vhdx_run run;

	w->tracer.limit = 5 * MIB;
	w->tracer.limit_error = -ENOSPC;
	writer_write(test, 0, MIB, 0x11);
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	tracer_forget(&w->tracer);

	/* Given up, not committed. */
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	/* Committed; I/O may be under way to it. */
	writer_commit(test);
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	/* Waits for that to end. */
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), -ENOSPC);
	tracer_forget(&w->tracer);
	/* Has ended: the store may have it, and anyone else. */
	vhdx_session_drained(session);
	writer_trace(test, "discard 0x400000 +0x100000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_EQ(test, writer_map(test, MIB, 512, &run), 0);
	KUNIT_EXPECT_EQ(test, run.offset, 4 * MIB);
	KUNIT_EXPECT_EQ(test, writer_not_zero(test, 1), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_ZERO], 1);
}

/* @count blocks, all in use; and then the first @freed of them are free. */
static struct vhdx_session *with_free_space(struct kunit *test, u32 count,
					    u32 freed)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_write(test, 0, count * MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, freed * MIB);
	writer_commit(test);
	writer_drain(test);
	return session;
}

/* Free space that cannot be zeroed is passed over, and stays what it is. */
static void reuse_bad_place(struct kunit *test)
{
	struct vhdx_session *session = with_free_space(test, 4, 2);
	struct fixture *f = test->priv;
	struct vhdx_run run;
	u64 bad = 4 * MIB;
	u32 i;

	ram_store_break_range(&f->ram[0], bad, 512, -EIO);
	for (i = 0; i < 24; i++) {
		KUNIT_EXPECT_EQ(test,
				writer_map(test, (8 + i) * MIB, MIB, &run), 0);
		KUNIT_EXPECT_NE(test, run.offset, bad);
	}
	KUNIT_EXPECT_EQ(test, session->bad_places, 1);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RW);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
}

/* A disk on which nothing can be zeroed is not tried for ever. */
static void reuse_bad_disk(struct kunit *test)
{
	struct vhdx_session *session = with_free_space(test, 16, 12);
	struct fixture *f = test->priv;
	struct vhdx_run run;
	int r = 0;
	u32 i;

	ram_store_break_range(&f->ram[0], 4 * MIB, 12 * MIB, -EIO);
	for (i = 0; i < 16 && !r; i++)
		r = writer_map(test, (16 + i) * MIB, MIB, &run);
	KUNIT_EXPECT_EQ(test, r, -EIO);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_ZERO], 8 + 1);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_STREQ(test, (const char *)session->reason,
			   "file at offset 0x0: space for new blocks cannot be prepared");
	/* What could be written is durable. */
	KUNIT_EXPECT_TRUE(test, vhdx_session_clean(session));
}

/* What is given up while other space drains waits for its own turn. */
static void reuse_queue(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_write(test, 0, 4 * MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	writer_commit(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	writer_discard(test, VHDX_ZERO_DISCARD, 2 * MIB, 2 * MIB);
	writer_commit(test);
	/* The I/O that the first call is about says nothing of the second. */
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	writer_trace(test, "discard 0x400000 +0x100000\n");
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	writer_trace(test, "discard 0x600000 +0x200000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	writer_trace(test, "");
}

/* A flush waits for what a commit does: neither zeroes nor discards are that. */
static void reuse_not_by_commit(struct kunit *test)
{
	struct vhdx_session *session = with_free_space(test, 8, 4);

	writer_discard(test, VHDX_ZERO_DISCARD, 4 * MIB, 4 * MIB);
	session->prepared.wanted = true;
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_COMMIT), 0);
	writer_trace(test,
		     "flush\n"
		     "write log 0x5000 +0x3000\n"
		     "flush\n");
	KUNIT_EXPECT_EQ(test, vhdx_session_prepare(session), 0);
	writer_trace(test,
		     "zero 0x400000 +0x100000\n"
		     "zero 0x500000 +0x100000\n"
		     "zero 0x600000 +0x100000\n"
		     "zero 0x700000 +0x100000\n");
}

/* What is discarded with one call is limited, and free when that call ends. */
static void reuse_in_parts(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_write(test, 0, 40 * MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, 40 * MIB);
	writer_commit(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	KUNIT_EXPECT_TRUE(test, vhdx_session_drained(session));
	writer_trace(test, "discard 0x400000 +0x1000000\n");
	KUNIT_EXPECT_EQ(test, session->space.freed[VHDX_FREED_DRAINING], 24);
	KUNIT_EXPECT_EQ(test, vhdx_session_reclaims(session), 24 * MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drained(session));
	writer_trace(test, "discard 0x1400000 +0x1000000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drained(session));
	writer_trace(test, "discard 0x2400000 +0x800000\n");
	KUNIT_EXPECT_EQ(test, vhdx_session_reclaims(session), 0);
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
}

/* While a transaction is being committed, a block gives its space up. */
static void discard_now(void *context, enum ram_op op, u64 pos)
{
	struct kunit *test = context;

	writer_of(test)->tracer.hook = NULL;
	writer_discard(test, VHDX_ZERO_DISCARD, MIB, MIB);
}

/* That is in the next transaction, so this one does not free it. */
static void reuse_not_of_next(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct writer *w = writer_of(test);

	writer_write(test, 0, 2 * MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	w->tracer.hook = discard_now;
	w->tracer.context = test;
	writer_commit(test);
	KUNIT_EXPECT_PTR_EQ(test, w->tracer.hook, NULL);
	KUNIT_EXPECT_EQ(test, writer_entry(test, 1), 3);
	writer_drain(test);
	writer_trace(test, "discard 0x400000 +0x100000\n");
	writer_drain(test);
	writer_trace(test, "");
	writer_commit(test);
	writer_drain(test);
	writer_trace(test, "discard 0x500000 +0x100000\n");
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
}

/* A commit that fails frees nothing. */
static void reuse_not_after_failure(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct fixture *f = test->priv;

	writer_write(test, 0, MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	ram_store_break_op(&f->ram[0], RAM_FLUSH, 2, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_COMMIT),
			-EIO);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_FALSE(test, vhdx_session_drain(session));
	vhdx_session_drained(session);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, session->space.freed[VHDX_FREED_WAITING], 0);
}

/* "Nothing more is written" is said before the store could be told. */
static void reuse_not_when_failed(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);

	writer_write(test, 0, MIB, 0x11);
	writer_commit(test);
	writer_discard(test, VHDX_ZERO_DISCARD, 0, MIB);
	writer_commit(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_drain(session));
	vhdx_session_fail(session, VHDX_AT("file", 0), "is gone");
	tracer_forget(&writer_of(test)->tracer);
	vhdx_session_drained(session);
	writer_trace(test, "");
}

/* Ten rounds of filling and emptying a disk: the file does not get longer. */
static void reuse_stays_flat(struct kunit *test)
{
	struct vhdx_session *session = writer_begin_empty(test);
	struct fixture *f = test->priv;
	u64 longest = 0;
	u32 round, i;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 32; i++) {
			writer_write(test, i * 2 * MIB, 4096, 1 + round);
			KUNIT_EXPECT_EQ(test,
					writer_read(test, i * 2 * MIB + 4096),
					0);
		}
		writer_work(test, VHDX_WORK_COMMIT);
		/* By the second round, 64 MiB are kept ready. */
		if (round < 2)
			longest = f->ram[0].store.size;
		KUNIT_EXPECT_LE(test, f->ram[0].store.size, longest);
		writer_discard(test, VHDX_ZERO_DISCARD, 0, 64 * MIB);
		writer_work(test, VHDX_WORK_COMMIT);
		writer_drain(test);
	}
	KUNIT_EXPECT_EQ(test, session->stats.allocated, 320);
	KUNIT_EXPECT_EQ(test, session->stats.freed, 320);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, 4 * MIB);
}

static struct kunit_case session_reuse_cases[] = {
	KUNIT_CASE(reuse_steps),
	KUNIT_CASE(reuse_bad_place),
	KUNIT_CASE(reuse_bad_disk),
	KUNIT_CASE(reuse_queue),
	KUNIT_CASE(reuse_not_by_commit),
	KUNIT_CASE(reuse_in_parts),
	KUNIT_CASE(reuse_not_of_next),
	KUNIT_CASE(reuse_not_after_failure),
	KUNIT_CASE(reuse_not_when_failed),
	KUNIT_CASE(reuse_stays_flat),
	{}
};

struct kunit_suite vhdx_session_reuse_suite = {
	.name = "vhdx_session_reuse",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_reuse_cases,
};
