// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/moving.c, dm-vhdx/commit-move.c: a message moves a block, old I/O holds
 * it up, and suspend, hibernation and what else may come in between end it. In the
 * kernel alone. The image is in RAM, and no device is above it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "commit-life.h"
#include "commit-move.h"
#include "engine/move.h"
#include "fixture.h"
#include "hibernate.h"
#include "moving.h"
#include "suites.h"

#define MIB VHDX_MIB

/* Until the threads have done what they do. */
#define PATIENCE_MS 120000

/* Behind the structures there is nothing, and then block 0. */
#define FROM	(12 * MIB)
#define TO	(4 * MIB)
#define BYTE	0x42

static struct vhdx_committer *committer_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->own;
}

static int moving_init(struct kunit *test)
{
	struct vhdx_committer *c;
	struct builder *b;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	b = &f->builder[0];
	builder_write(b);
	builder_alloc(b, FROM - TO);
	builder_fill(b, builder_block(b, 0, 6), MIB, BYTE);
	fixture_open(test, 0);
	c = vhdx_committer_new(f->image[0], &f->found.report, "image");
	if (IS_ERR(c))
		return PTR_ERR(c);
	f->own = c;
	return vhdx_committer_preresume(c, NULL, 0);
}

static void moving_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->own)
		vhdx_committer_free(f->own);
	fixture_exit(test);
}

/* Where a write of block 0 goes, or a negative errno. */
static s64 place_of(struct kunit *test)
{
	struct vhdx_session *session = committer_of(test)->session;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int r;

	while ((r = vhdx_session_map(session, 0, MIB, &run, &miss)) == -EAGAIN)
		KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	return r ? r : (s64)run.offset;
}

/**
 * struct task - what sends a message
 * @work: in which it does
 * @c: the committer
 * @index: where the search starts, and where it goes on
 * @err: what came of it
 */
struct task {
	struct work_struct work;
	struct vhdx_committer *c;
	u64 index;
	int err;
};

static void send(struct work_struct *work)
{
	struct task *task = container_of(work, struct task, work);

	task->err = vhdx_move_one(task->c, &task->index, FROM);
}

static struct task *begin_move(struct kunit *test)
{
	struct task *task = kunit_kzalloc(test, sizeof(*task), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, task);
	task->c = committer_of(test);
	INIT_WORK(&task->work, send);
	schedule_work(&task->work);
	return task;
}

/* Wait until the move has come so far. */
static void reach(struct kunit *test, enum vhdx_mover_stage stage)
{
	const struct vhdx_mover *mover = &committer_of(test)->space.mover;
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS && READ_ONCE(mover->stage) != stage;
	     ms += 20)
		msleep(20);
	KUNIT_ASSERT_EQ(test, READ_ONCE(mover->stage), stage);
}

static void expect_unmoved(struct kunit *test)
{
	const struct vhdx_session *session = committer_of(test)->session;

	KUNIT_EXPECT_FALSE(test, session->move.fenced);
	KUNIT_EXPECT_EQ(test, session->stats.moved, 0);
	KUNIT_EXPECT_TRUE(test, vhdx_mover_is_over(committer_of(test)));
}

/* It begins a session, moves the block, and finds no other one. */
static void moving_block(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	u64 index = 0;
	u8 byte;

	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), 0);
	KUNIT_EXPECT_EQ(test, index, 1);
	KUNIT_EXPECT_EQ(test, place_of(test), TO);
	ram_store_peek(&f->ram[0], TO + MIB - 1, &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, BYTE);
	KUNIT_EXPECT_EQ(test, c->session->stats.moved, 1);
	KUNIT_EXPECT_TRUE(test, vhdx_session_straight(c->session));
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), -ENOENT);
	index = 0;
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, TO), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vhdx_committer_run(c, VHDX_WORK_COMMIT), 0);
}

static void moving_gain(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_move_goal goal = {};

	KUNIT_ASSERT_EQ(test, vhdx_move_gain(c, &goal), 0);
	KUNIT_EXPECT_EQ(test, goal.moves, MIB);
	KUNIT_EXPECT_EQ(test, goal.end, TO + MIB);
	/* A question writes nothing. */
	KUNIT_EXPECT_FALSE(test, c->session->live);
}

/* Nothing is copied while old I/O may still write the block. */
static void moving_drains(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *epoch = vhdx_epoch_enter(&c->epochs);
	struct task *task = begin_move(test);
	struct fixture *f = test->priv;
	u8 byte;

	reach(test, VHDX_MOVER_DRAINS);
	KUNIT_EXPECT_EQ(test, place_of(test), -EALREADY);
	KUNIT_EXPECT_FALSE(test, vhdx_session_straight(c->session));
	/* Others come and go. */
	vhdx_epoch_leave(vhdx_epoch_enter(&c->epochs));
	vhdx_space_worker_wake(c);
	msleep(100);
	KUNIT_EXPECT_EQ(test, c->space.mover.stage, VHDX_MOVER_DRAINS);
	/* What is written late is copied. */
	builder_fill(&f->builder[0], FROM + 4096, 1, 0x99);
	vhdx_epoch_leave(epoch);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, 0);
	KUNIT_EXPECT_EQ(test, task->index, 1);
	KUNIT_EXPECT_EQ(test, place_of(test), TO);
	ram_store_peek(&f->ram[0], TO + 4096, &byte, 1);
	KUNIT_EXPECT_EQ(test, byte, 0x99);
}

/* A switch that came before the fence does not count for it. */
static void moving_drains_anew(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *old = vhdx_epoch_enter(&c->epochs), *late;
	struct vhdx_miss miss;
	struct vhdx_run run;
	struct task *task;
	unsigned int ms;
	int r;

	KUNIT_ASSERT_EQ(test, vhdx_committer_run(c, VHDX_WORK_BEGIN), 0);
	/* A block gives up its space: that has the epoch switched. */
	while ((r = vhdx_session_map(c->session, 8 * MIB, 4096, &run, &miss))) {
		if (r == -EAGAIN)
			KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
		vhdx_space_worker_wake(c);
		msleep(20);
	}
	KUNIT_ASSERT_EQ(test, vhdx_session_zero(c->session, VHDX_ZERO_DISCARD,
						8 * MIB, MIB, &run, &miss), 0);
	KUNIT_ASSERT_EQ(test, vhdx_committer_run(c, VHDX_WORK_COMMIT), 0);
	for (ms = 0; ms < PATIENCE_MS && !READ_ONCE(c->space.switched);
	     ms += 20)
		msleep(20);
	KUNIT_ASSERT_TRUE(test, c->space.switched);
	late = vhdx_epoch_enter(&c->epochs);
	task = begin_move(test);
	reach(test, VHDX_MOVER_FENCED);
	vhdx_epoch_leave(old);
	reach(test, VHDX_MOVER_DRAINS);
	KUNIT_EXPECT_EQ(test, place_of(test), -EALREADY);
	vhdx_epoch_leave(late);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, 0);
	KUNIT_EXPECT_EQ(test, c->session->stats.moved, 1);
}

/* One at a time. */
static void moving_twice(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *epoch = vhdx_epoch_enter(&c->epochs);
	struct task *task = begin_move(test);
	u64 index = 0;

	reach(test, VHDX_MOVER_DRAINS);
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), -EBUSY);
	vhdx_epoch_leave(epoch);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, 0);
}

/* No bio must wait for a block while the machine hibernates. */
static void moving_hibernates(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *epoch = vhdx_epoch_enter(&c->epochs);
	struct task *task = begin_move(test);

	reach(test, VHDX_MOVER_DRAINS);
	vhdx_hibernate_event(PM_HIBERNATION_PREPARE);
	vhdx_space_worker_wake(c);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, -EBUSY);
	expect_unmoved(test);
	KUNIT_EXPECT_EQ(test, place_of(test), FROM);
	vhdx_hibernate_event(PM_POST_HIBERNATION);
	vhdx_epoch_leave(epoch);
	/* And then it goes on as before. */
	task = begin_move(test);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, 0);
}

static void suspend(struct work_struct *work)
{
	struct task *task = container_of(work, struct task, work);

	vhdx_committer_postsuspend(task->c);
}

/* A suspend ends the session, and with it the move; a resume changes nothing. */
static void moving_suspended(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *epoch = vhdx_epoch_enter(&c->epochs);
	struct task *task = begin_move(test);
	struct task *suspender = kunit_kzalloc(test, sizeof(*suspender),
					       GFP_KERNEL);
	u64 index = 0;

	KUNIT_ASSERT_NOT_NULL(test, suspender);
	reach(test, VHDX_MOVER_DRAINS);
	suspender->c = c;
	INIT_WORK(&suspender->work, suspend);
	schedule_work(&suspender->work);
	reach(test, VHDX_MOVER_IDLE);
	/* The suspend waits for all I/O, and the message for the suspend. */
	vhdx_epoch_leave(epoch);
	flush_work(&suspender->work);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, -EBUSY);
	KUNIT_EXPECT_FALSE(test, c->session->live);
	expect_unmoved(test);
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), -EBUSY);
	KUNIT_ASSERT_EQ(test, vhdx_committer_preresume(c, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), 0);
	KUNIT_EXPECT_EQ(test, place_of(test), TO);
}

/* The page of the entry is gone: the task of the message loads it. */
static void moving_needs_help(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_epoch *epoch = vhdx_epoch_enter(&c->epochs);
	struct task *task = begin_move(test);

	reach(test, VHDX_MOVER_DRAINS);
	vhdx_pool_shrink(&c->image->pool, 100);
	vhdx_epoch_leave(epoch);
	flush_work(&task->work);
	KUNIT_EXPECT_EQ(test, task->err, 0);
	KUNIT_EXPECT_EQ(test, place_of(test), TO);
}

static void moving_store_fails(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	u64 index = 0;

	ram_store_break_range(&f->ram[0], FROM, MIB, -EIO);
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), -EIO);
	KUNIT_EXPECT_EQ(test, index, 0);
	ram_store_mend(&f->ram[0]);
	expect_unmoved(test);
	KUNIT_EXPECT_EQ(test, place_of(test), FROM);
	vhdx_session_fail(c->session, VHDX_AT("test", 0), "a test");
	KUNIT_EXPECT_EQ(test, vhdx_move_one(c, &index, FROM), -EROFS);
	expect_unmoved(test);
}

static struct kunit_case moving_cases[] = {
	KUNIT_CASE(moving_block),
	KUNIT_CASE(moving_gain),
	KUNIT_CASE(moving_drains),
	KUNIT_CASE(moving_drains_anew),
	KUNIT_CASE(moving_twice),
	KUNIT_CASE(moving_hibernates),
	KUNIT_CASE(moving_suspended),
	KUNIT_CASE(moving_needs_help),
	KUNIT_CASE(moving_store_fails),
	{}
};

struct kunit_suite vhdx_moving_suite = {
	.name = "vhdx_moving",
	.init = moving_init,
	.exit = moving_exit,
	.test_cases = moving_cases,
};
