// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine/session.c and all that it calls: what is left of a session when an
 * operation of the store fails, or the power goes.
 */
#include "suites.h"
#include "writer.h"

#define MIB VHDX_MIB
#define BLOCKS 32U

/**
 * struct script - a life of two sessions, and what it must leave at each point
 * @now: what each block begins with, as a reader of the device sees it
 * @tried: likewise, what the commit under way would make durable
 * @durable: likewise, what the last one has made durable
 */
struct script {
	u8 now[BLOCKS];
	u8 tried[BLOCKS];
	u8 durable[BLOCKS];
};

static int script_write(struct kunit *test, struct script *s, u64 block,
			u8 byte)
{
	struct fixture *f = test->priv;
	struct vhdx_run run;
	int r = writer_map(test, block * MIB, 4096, &run);

	if (r)
		return r;
	builder_fill(&f->builder[0], run.offset, run.length, byte);
	s->now[block] = byte;
	return 0;
}

static int script_zero(struct kunit *test, struct script *s,
		       enum vhdx_zero why, u64 block)
{
	struct vhdx_run run;
	int r = writer_zero(test, why, block * MIB, MIB, &run);

	if (r)
		return r;
	KUNIT_EXPECT_EQ(test, run.kind, VHDX_RUN_ZERO);
	s->now[block] = 0;
	return 0;
}

/* Flags of VHDX_WORK_*, or 0 for the end. */
static int script_commit(struct kunit *test, struct script *s,
			 unsigned int flags)
{
	struct vhdx_session *session = writer_of(test)->session;
	int r;

	memcpy(s->tried, s->now, sizeof(s->tried));
	r = flags ? writer_play(session, flags) : vhdx_session_end(session);
	if (r)
		return r;
	memcpy(s->durable, s->now, sizeof(s->durable));
	writer_drain(test);
	return 0;
}

/* Every operation that a session has is in it; returns the first error. */
static int run_script(struct kunit *test, struct script *s)
{
	u32 i;
	int r;

	r = script_write(test, s, 0, 0x10);
	for (i = 1; i < 4 && !r; i++)
		r = script_write(test, s, i, 0x10 + i);
	if (!r)
		r = script_commit(test, s, VHDX_WORK_COMMIT);
	if (!r)
		r = script_zero(test, s, VHDX_ZERO_DISCARD, 1);
	if (!r)
		r = script_zero(test, s, VHDX_ZERO_WRITE, 2);
	if (!r)
		r = script_write(test, s, 5, 0x15);
	if (!r)
		r = script_commit(test, s, VHDX_WORK_COMMIT);
	/* More than there is room for; and the two that became free. */
	for (i = 8; i < 24 && !r; i++)
		r = script_write(test, s, i, 0x10 + i);
	if (!r)
		r = script_commit(test, s,
				  VHDX_WORK_COMMIT | VHDX_WORK_CHECKPOINT);
	if (!r)
		r = script_zero(test, s, VHDX_ZERO_DISCARD, 23);
	if (!r)
		r = script_commit(test, s, 0);
	if (!r)
		r = script_write(test, s, 30, 0x30);
	if (!r)
		r = script_commit(test, s, VHDX_WORK_COMMIT);
	if (!r)
		r = script_zero(test, s, VHDX_ZERO_DISCARD, 0);
	return r ? r : script_commit(test, s, 0);
}

/* Builds the image anew, for a script from the start. */
static void rebuild(struct kunit *test, struct script *s)
{
	memset(s, 0, sizeof(*s));
	writer_restart(test);
	writer_open_empty(test);
}

/* Plays the script on a new image; the nth call of an operation fails. */
static int play(struct kunit *test, struct script *s, enum ram_op op, u64 nth)
{
	struct fixture *f = test->priv;

	rebuild(test, s);
	if (nth)
		ram_store_break_op(&f->ram[0], op, nth, -EIO);
	return run_script(test, s);
}

static u32 blocks_that_differ(struct kunit *test, const u8 *want)
{
	u32 wrong = 0;
	u32 i;

	for (i = 0; i < BLOCKS; i++)
		wrong += writer_read(test, i * MIB) != want[i];
	return wrong;
}

/* All of one commit or nothing of it, after what was committed before. */
static void expect_durable(struct kunit *test, const struct script *s)
{
	if (blocks_that_differ(test, s->durable))
		KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->tried), 0);
}

/* The log is replayed, and the next session goes its way to a clean end. */
static void expect_writable(struct kunit *test)
{
	struct fixture *f = test->priv;

	writer_open(test);
	writer_write(test, 31 * MIB, 4096, 0x77);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(writer_of(test)->session), 0);
	writer_crash(test);
	KUNIT_EXPECT_EQ(test, f->image[0]->log.count, 0);
	KUNIT_EXPECT_EQ(test, writer_read(test, 31 * MIB), 0x77);
}

/* No more operations, no more writes; reading goes on. */
static void expect_stopped(struct kunit *test, const struct script *s)
{
	struct vhdx_session *session = writer_of(test)->session;
	struct vhdx_run run;
	struct vhdx_miss miss;

	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_TRUE(test, session->reason[0]);
	tracer_forget(&writer_of(test)->tracer);
	KUNIT_EXPECT_EQ(test, vhdx_session_map(session, 0, 512, &run, &miss),
			-EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_session_work(session, VHDX_WORK_COMMIT),
			-EROFS);
	KUNIT_EXPECT_EQ(test, vhdx_session_end(session), -EROFS);
	writer_trace(test, "");
	KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->now), 0);
}

static void script_goes(struct kunit *test)
{
	struct script *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, play(test, s, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->now), 0);
	/* The tests below stand on there being faults of every kind. */
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_WRITE], 15);
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_FLUSH], 15);
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_EXTEND], 1);
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_ZERO], 1);
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_DISCARD], 1);
	KUNIT_EXPECT_GT(test, f->ram[0].calls[RAM_TRUNCATE], 0);
	writer_crash(test);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, f->image[0]->log.count, 0);
	KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->now), 0);
}

/*
 * Without the first kind a session can do nothing more; without the second it
 * gets no new blocks, and what it has is made durable. The others give space
 * back, or find that some is bad: then the file is longer, that is all.
 */
enum loss {
	LOSS_OF_ALL,
	LOSS_OF_GROWTH,
	LOSS_OF_SPACE,
};

/**
 * struct fault - an operation that fails
 * @name: for the test's log
 * @op: which
 * @loss: what the session cannot do without it
 */
struct fault {
	const char *name;
	enum ram_op op;
	enum loss loss;
};

static const struct fault faults[] = {
	{ "write", RAM_WRITE, LOSS_OF_ALL },
	{ "flush", RAM_FLUSH, LOSS_OF_ALL },
	{ "extend", RAM_EXTEND, LOSS_OF_GROWTH },
	{ "zero", RAM_ZERO, LOSS_OF_SPACE },
	{ "truncate", RAM_TRUNCATE, LOSS_OF_SPACE },
	{ "discard", RAM_DISCARD, LOSS_OF_SPACE },
};

static void fault_name(const struct fault *fault, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", fault->name);
}

KUNIT_ARRAY_PARAM(fault, faults, fault_name);

static void fail_vital(struct kunit *test, struct script *s,
		       const struct fault *fault, u64 nth)
{
	KUNIT_EXPECT_EQ(test, play(test, s, fault->op, nth), -EIO);
	expect_stopped(test, s);
	writer_crash(test);
	if (fault->loss == LOSS_OF_GROWTH)
		KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->now), 0);
	else
		expect_durable(test, s);
	expect_writable(test);
}

static void fail_idle(struct kunit *test, struct script *s, enum ram_op op,
		      u64 nth)
{
	KUNIT_EXPECT_EQ(test, play(test, s, op, nth), 0);
	writer_crash(test);
	fixture_expect(test, "");
	KUNIT_EXPECT_EQ(test, blocks_that_differ(test, s->now), 0);
}

/* Each call of an operation fails, one after the other. */
static void script_fails(struct kunit *test)
{
	const struct fault *fault = test->param_value;
	struct script *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct fixture *f = test->priv;
	u64 calls, nth;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, play(test, s, 0, 0), 0);
	calls = f->ram[0].calls[fault->op];
	for (nth = 1; nth <= calls; nth++) {
		if (fault->loss == LOSS_OF_SPACE)
			fail_idle(test, s, fault->op, nth);
		else
			fail_vital(test, s, fault, nth);
	}
}

/* The power goes after each number of changes. */
static void script_stops(struct kunit *test)
{
	struct script *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct fixture *f = test->priv;
	u64 changes, stop;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, play(test, s, 0, 0), 0);
	changes = f->ram[0].changes;
	for (stop = 0; stop < changes - 1; stop++) {
		rebuild(test, s);
		ram_store_stop_after(&f->ram[0], stop);
		/* At the very end, space cannot be given back. */
		if (run_script(test, s))
			expect_stopped(test, s);
		else
			KUNIT_EXPECT_GE(test, stop, changes - 3);
		writer_crash(test);
		expect_durable(test, s);
		expect_writable(test);
	}
}

/* When the store is cut: in a session that is live, or before it. */
struct cut_case {
	const char *name;
	bool live;
	bool end;
};

static const struct cut_case cut_cases[] = {
	{ "a commit", true, false },
	{ "the end", true, true },
	{ "the beginning", false, false },
	{ "the end, nothing written", false, true },
};

static void cut_case_name(const struct cut_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(cut, cut_cases, cut_case_name);

/* Whatever it is that meets it: the cut is the reason, and nothing is written. */
static void store_cut(struct kunit *test)
{
	const struct cut_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct vhdx_session *session = writer_open_empty(test);
	u64 size, changes;

	if (c->live)
		writer_write(test, 3 * MIB, 4096, 0x33);
	else
		KUNIT_EXPECT_EQ(test, vhdx_session_work(session, 0), 0);
	size = f->ram[0].store.size;
	changes = f->ram[0].changes;
	f->ram[0].missing = 1;
	if (c->end)
		KUNIT_EXPECT_EQ(test, vhdx_session_end(session), -EIO);
	else
		KUNIT_EXPECT_EQ(test,
				vhdx_session_work(session, VHDX_WORK_BEGIN |
						  VHDX_WORK_COMMIT), -EIO);
	KUNIT_EXPECT_EQ(test, session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_NOT_NULL(test, strstr(session->reason,
					   ": somebody has cut the file to "));
	KUNIT_EXPECT_EQ(test, f->ram[0].store.size, size);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, changes);
}

static struct kunit_case session_fault_cases[] = {
	KUNIT_CASE(script_goes),
	KUNIT_CASE_PARAM(script_fails, fault_gen_params),
	KUNIT_CASE(script_stops),
	KUNIT_CASE_PARAM(store_cut, cut_gen_params),
	{}
};

struct kunit_suite vhdx_session_fault_suite = {
	.name = "vhdx_session_fault",
	.init = writer_init,
	.exit = writer_exit,
	.test_cases = session_fault_cases,
};
