// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/commit.c: when the committer's thread works, and when it must rest.
 * In the kernel alone. The image is in RAM, and no device is above it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "commit-life.h"
#include "commit-thread.h"
#include "committer-clock.h"
#include "fixture.h"
#include "hibernate.h"
#include "suites.h"

#define MIB VHDX_MIB

/* Until what the thread does by itself once a second has been done. */
#define PATIENCE_MS 120000

static struct vhdx_committer *committer_of(struct kunit *test)
{
	struct fixture *f = test->priv;

	return f->own;
}

/* Nothing wakes the thread any more. */
static bool is_idle(const struct vhdx_committer *c)
{
	return !READ_ONCE(c->low) && !READ_ONCE(c->changed) &&
	       !READ_ONCE(c->space.due);
}

static void expect_idle(struct kunit *test)
{
	const struct vhdx_committer *c = committer_of(test);
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS && !is_idle(c); ms += 20)
		msleep(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c->low));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c->changed));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c->space.due));
}

static int commit_init(struct kunit *test)
{
	struct vhdx_committer *c;
	struct fixture *f;
	int r = fixture_init(test);

	if (r)
		return r;
	f = test->priv;
	builder_write(&f->builder[0]);
	builder_block(&f->builder[0], 0, 6);
	fixture_open(test, 0);
	c = vhdx_committer_new(f->image[0], &f->found.report, "image");
	if (IS_ERR(c))
		return PTR_ERR(c);
	f->own = c;
	r = vhdx_committer_preresume(c, NULL, 0);
	expect_idle(test);
	return r;
}

static void commit_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->own)
		vhdx_committer_free(f->own);
	fixture_exit(test);
}

/* A change that none but the clock will commit. */
static void change(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	struct vhdx_miss miss = { f->image[0], &f->image[0]->bat_pages, 0 };
	struct vhdx_run run;

	KUNIT_ASSERT_EQ(test, vhdx_image_load(&miss), 0);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, vhdx_committer_work(c, VHDX_WORK_BEGIN), 0);
	KUNIT_EXPECT_EQ(test,
			vhdx_session_zero(c->session, VHDX_ZERO_DISCARD, 0,
					  MIB, &run, &miss),
			0);
	mutex_unlock(&c->lock);
	vhdx_committer_changed(c);
}

/* A resume has the thread look at the BAT; nothing is written for that. */
static void commit_resume(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;

	mutex_lock(&c->lock);
	KUNIT_EXPECT_TRUE(test, c->session->surveyed);
	KUNIT_EXPECT_FALSE(test, c->session->live);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, 0);
	mutex_unlock(&c->lock);
}

static int do_nothing(struct vhdx_committer *c, unsigned int flags)
{
	return 0;
}

/*
 * A suspend that found the thread looking at the BAT has broken that off. It is
 * not begun again before the resume, which would have to wait for its end.
 */
static void commit_survey_broken_off(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	u64 reads;

	mutex_lock(&c->lock);
	c->session->surveyed = false;
	mutex_unlock(&c->lock);
	reads = f->ram[0].reads;
	vhdx_committer_postsuspend(c);
	/* Between this and the last, the thread did all that it had to do. */
	KUNIT_EXPECT_EQ(test, vhdx_committer_ask(c, do_nothing, 0), 0);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_FALSE(test, c->session->surveyed);
	KUNIT_EXPECT_EQ(test, f->ram[0].reads, reads);
	mutex_unlock(&c->lock);
	KUNIT_EXPECT_EQ(test, vhdx_committer_preresume(c, NULL, 0), 0);
	expect_idle(test);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_TRUE(test, c->session->surveyed);
	mutex_unlock(&c->lock);
}

/**
 * struct leaver - a table that goes while the thread is busy
 * @work: in which it does
 * @c: the committer
 * @ti: its target
 * @done: completed when it has gone
 */
struct leaver {
	struct work_struct work;
	struct vhdx_committer *c;
	struct dm_target ti;
	struct completion done;
};

static void leave(struct work_struct *work)
{
	struct leaver *leaver = container_of(work, struct leaver, work);

	vhdx_committer_drop_table(leaver->c, &leaver->ti);
	complete(&leaver->done);
}

static struct leaver *leaver_new(struct kunit *test)
{
	struct leaver *leaver = kunit_kzalloc(test, sizeof(*leaver),
					      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, leaver);
	leaver->c = committer_of(test);
	init_completion(&leaver->done);
	INIT_WORK(&leaver->work, leave);
	return leaver;
}

/* It is not the live table, so nobody is waited for: not even a survey. */
static void commit_forget_other(struct kunit *test)
{
	struct leaver *leaver = leaver_new(test);
	struct vhdx_committer *c = leaver->c;
	bool gone;

	mutex_lock(&c->lock);
	schedule_work(&leaver->work);
	gone = wait_for_completion_timeout(&leaver->done,
					   msecs_to_jiffies(PATIENCE_MS));
	KUNIT_EXPECT_FALSE(test, c->session->abort_survey);
	mutex_unlock(&c->lock);
	flush_work(&leaver->work);
	KUNIT_EXPECT_TRUE(test, gone);
}

/* It is: a survey is broken off, for the committer is locked, and waited for. */
static struct leaver *leave_live(struct kunit *test)
{
	struct leaver *leaver = leaver_new(test);
	const struct vhdx_session *session = leaver->c->session;
	unsigned int ms;

	WRITE_ONCE(leaver->c->ti, &leaver->ti);
	schedule_work(&leaver->work);
	for (ms = 0; ms < PATIENCE_MS && !READ_ONCE(session->abort_survey); ms += 20)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(session->abort_survey));
	KUNIT_EXPECT_FALSE(test, completion_done(&leaver->done));
	return leaver;
}

static void commit_forget_live(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct leaver *leaver;

	mutex_lock(&c->lock);
	leaver = leave_live(test);
	mutex_unlock(&c->lock);
	flush_work(&leaver->work);
	KUNIT_EXPECT_NULL(test, READ_ONCE(c->ti));
}

/* Another becomes live before it has the lock: that has time for a survey. */
static void commit_forget_late(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct leaver *leaver;
	struct dm_target *other;

	mutex_lock(&c->lock);
	leaver = leave_live(test);
	other = &leaver_new(test)->ti;
	WRITE_ONCE(c->ti, other);
	mutex_unlock(&c->lock);
	flush_work(&leaver->work);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_PTR_EQ(test, c->ti, other);
	KUNIT_EXPECT_FALSE(test, c->session->abort_survey);
	WRITE_ONCE(c->ti, NULL);
	mutex_unlock(&c->lock);
	expect_idle(test);
}

/* What was changed is committed within a second or so, and once. */
static void commit_by_clock(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);

	change(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_changed(c->session));
	expect_idle(test);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_FALSE(test, vhdx_session_changed(c->session));
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, 1);
	mutex_unlock(&c->lock);
}

/* A flush has passed by: the commit does not wait for the clock, which is put off. */
static void commit_hastened(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	u64 commits;

	/* With nothing to commit, nothing is due. */
	vhdx_committer_hasten(c);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c->hasten));
	do {
		change(test);
	} while (!committer_clock_put_off(c));
	commits = READ_ONCE(c->session->stats.commits);
	vhdx_committer_hasten(c);
	KUNIT_EXPECT_TRUE(test, committer_clock_await(c));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(c->hasten));
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, commits + 1);
	mutex_unlock(&c->lock);
	expect_idle(test);
}

/*
 * Nothing can be written any more, so what wakes the thread cannot be done:
 * it is forgotten, or the thread would never sleep again.
 */
static void commit_after_failure(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	u64 changes;

	change(test);
	vhdx_session_fail(c->session, VHDX_AT("test", 0), "a test");
	changes = f->ram[0].changes;
	WRITE_ONCE(c->low, true);
	wake_up(&c->wait);
	vhdx_space_worker_wake(c);
	expect_idle(test);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, 0);
	KUNIT_EXPECT_EQ(test, f->ram[0].changes, changes);
	/* It is known, and told, whoever found out. */
	KUNIT_EXPECT_EQ(test, c->mode, VHDX_MODE_RO);
	/* To who asks for it, likewise. */
	c->low = true;
	c->changed = true;
	KUNIT_EXPECT_EQ(test, vhdx_committer_work(c, VHDX_WORK_COMMIT), -EIO);
	KUNIT_EXPECT_TRUE(test, is_idle(c));
	mutex_unlock(&c->lock);
}

/* A load waits for pages of the journal: nobody's clock is waited for. */
static void commit_starved(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_pool *pool = &c->image->pool;
	unsigned int ms;

	change(test);
	/* The thread hears of that, and sets its clock to a second. */
	for (ms = 0; ms < PATIENCE_MS; ms += 20) {
		if (READ_ONCE(c->due) == VHDX_DUE_COMMIT)
			break;
		msleep(20);
	}
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, pool->pinned, 1);
	WRITE_ONCE(pool->starved, true);
	mutex_unlock(&c->lock);
	pool->supply->feed(pool->supply);
	for (ms = 0; ms < 500 && READ_ONCE(pool->starved); ms += 20)
		msleep(20);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_FALSE(test, pool->starved);
	KUNIT_EXPECT_EQ(test, pool->pinned, 0);
	mutex_unlock(&c->lock);
}

/* A flush that was not the committer's has failed: no later one may hide it. */
static void commit_unflushed(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	unsigned int ms;
	u64 flushes;

	change(test);
	flushes = f->ram[0].calls[RAM_FLUSH];
	vhdx_committer_flush_failed(c);
	for (ms = 0; ms < PATIENCE_MS; ms += 20) {
		if (READ_ONCE(c->session->mode) == VHDX_MODE_RO)
			break;
		msleep(20);
	}
	expect_idle(test);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, c->session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_STREQ(test, (const char *)c->session->reason,
			   "log at offset 0x100000: a flush of the store failed");
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_FLUSH], flushes);
	mutex_unlock(&c->lock);
}

/* Nor may the end of the session, if it comes before the thread has woken up. */
static void commit_unflushed_end(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	u64 flushes;

	change(test);
	KUNIT_EXPECT_EQ(test, vhdx_committer_run(c, VHDX_WORK_COMMIT), 0);
	flushes = f->ram[0].calls[RAM_FLUSH];
	vhdx_store_lose(c->image->store, -EIO);
	vhdx_committer_postsuspend(c);
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, c->session->mode, VHDX_MODE_RO);
	KUNIT_EXPECT_EQ(test, f->ram[0].calls[RAM_FLUSH], flushes);
	KUNIT_EXPECT_TRUE(test,
			  vhdx_header_dirty(vhdx_header_current(&c->image->headers)));
	mutex_unlock(&c->lock);
}

/* Ends well, but the one beside it has got the error. */
static int flush_robbed(struct vhdx_store *store)
{
	vhdx_store_lose(store, -EIO);
	return 0;
}

/* A flush that was not the committer's fails while a commit makes its own. */
static void commit_robbed(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct ram_store *ram = &((struct fixture *)test->priv)->ram[0];
	const struct vhdx_store_ops *plain = ram->store.ops;
	struct vhdx_store_ops robbed = *plain;
	u64 writes;

	change(test);
	robbed.flush = flush_robbed;
	mutex_lock(&c->lock);
	writes = ram->calls[RAM_WRITE];
	ram->store.ops = &robbed;
	KUNIT_EXPECT_NE(test, vhdx_committer_work(c, VHDX_WORK_COMMIT), 0);
	ram->store.ops = plain;
	KUNIT_EXPECT_EQ(test, c->session->mode, VHDX_MODE_RO);
	/* There is no entry, which would release the older ones. */
	KUNIT_EXPECT_EQ(test, ram->calls[RAM_WRITE], writes);
	mutex_unlock(&c->lock);
}

/**
 * struct slow - a store whose discards end when they are told to
 * @ops: the store's, with another discard
 * @entered: completed when the first one has begun
 * @leave: completed when they may end
 */
static struct slow {
	struct vhdx_store_ops ops;
	struct completion entered;
	struct completion leave;
} slow;

static int slow_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	complete(&slow.entered);
	wait_for_completion(&slow.leave);
	return 0;
}

/**
 * struct flusher - a flush that somebody waits for
 * @work: in which the committer is asked
 * @c: the committer
 * @err: what it answered
 * @done: completed then
 */
struct flusher {
	struct work_struct work;
	struct vhdx_committer *c;
	int err;
	struct completion done;
};

static void flush_now(struct work_struct *work)
{
	struct flusher *flusher = container_of(work, struct flusher, work);

	flusher->err = vhdx_committer_run(flusher->c, VHDX_WORK_COMMIT);
	complete(&flusher->done);
}

static void zero_again(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct vhdx_miss miss;
	struct vhdx_run run;

	KUNIT_EXPECT_EQ(test,
			vhdx_session_zero(c->session, VHDX_ZERO_WRITE, 0, MIB,
					  &run, &miss),
			0);
	vhdx_committer_changed(c);
}

/* Freed space is being discarded, for ever as it were: a flush ends. */
static void commit_beside_discards(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	struct fixture *f = test->priv;
	struct flusher *flusher = kunit_kzalloc(test, sizeof(*flusher),
						GFP_KERNEL);
	bool ended;

	KUNIT_ASSERT_NOT_NULL(test, flusher);
	init_completion(&slow.entered);
	init_completion(&slow.leave);
	slow.ops = *f->ram[0].store.ops;
	slow.ops.discard = slow_discard;
	f->ram[0].store.ops = &slow.ops;
	flusher->c = c;
	init_completion(&flusher->done);
	INIT_WORK(&flusher->work, flush_now);
	change(test);
	KUNIT_EXPECT_EQ(test, vhdx_committer_run(c, VHDX_WORK_COMMIT), 0);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&slow.entered,
							    60 * HZ));
	zero_again(test);
	schedule_work(&flusher->work);
	ended = wait_for_completion_timeout(&flusher->done, 60 * HZ);
	complete_all(&slow.leave);
	flush_work(&flusher->work);
	KUNIT_EXPECT_TRUE(test, ended);
	KUNIT_EXPECT_EQ(test, flusher->err, 0);
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, 2);
	expect_idle(test);
}

static bool is_clock_set(const struct vhdx_committer *c)
{
	return READ_ONCE(c->due) == VHDX_DUE_COMMIT;
}

/* The clock has run out, and the thread has looked at it since. */
static void run_out(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	unsigned int ms;

	for (ms = 0; ms < 60000 && !is_clock_set(c); ms += 20)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, is_clock_set(c));
	mutex_lock(&c->lock);
	c->when = jiffies - 1;
	mutex_unlock(&c->lock);
	KUNIT_EXPECT_EQ(test, vhdx_committer_ask(c, do_nothing, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_committer_ask(c, do_nothing, 0), 0);
}

/* The machine is about to hibernate: only what is asked for is done. */
static void commit_hibernates(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	unsigned int ms;

	vhdx_hibernate_event(PM_HIBERNATION_PREPARE);
	change(test);
	run_out(test);
	KUNIT_EXPECT_TRUE(test, vhdx_session_changed(c->session));
	/* A flush is asked for; what it frees is discarded later. */
	KUNIT_EXPECT_EQ(test, vhdx_committer_run(c, VHDX_WORK_COMMIT), 0);
	KUNIT_EXPECT_FALSE(test, vhdx_session_changed(c->session));
	zero_again(test);
	run_out(test);
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, 1);
	KUNIT_EXPECT_EQ(test, vhdx_session_reclaims(c->session), MIB);
	vhdx_hibernate_event(PM_POST_HIBERNATION);
	for (ms = 0; ms < 60000 && vhdx_session_reclaims(c->session); ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, vhdx_session_reclaims(c->session), 0);
	expect_idle(test);
	KUNIT_EXPECT_EQ(test, c->session->stats.commits, 2);
}

/* After a suspend that sealed the image, only a resume permits a session. */
static void commit_seal(struct kunit *test)
{
	struct vhdx_committer *c = committer_of(test);
	guid_t guid = builder_guid(0x5E), holds;

	KUNIT_EXPECT_TRUE(test, c->image->written);
	KUNIT_EXPECT_EQ(test, vhdx_committer_seal(c, &guid, &holds), 0);
	KUNIT_EXPECT_FALSE(test, guid_equal(&holds, &guid));
	change(test);
	KUNIT_EXPECT_EQ(test, vhdx_committer_seal(c, &guid, &holds), 0);
	KUNIT_EXPECT_TRUE(test, guid_equal(&holds, &guid));
	vhdx_committer_postsuspend(c);
	KUNIT_EXPECT_TRUE(test, guid_equal(vhdx_image_identity(c->image),
					   &guid));
	mutex_lock(&c->lock);
	KUNIT_EXPECT_EQ(test, vhdx_committer_work(c, VHDX_WORK_BEGIN), -EBUSY);
	KUNIT_EXPECT_FALSE(test, c->session->live);
	mutex_unlock(&c->lock);
	KUNIT_EXPECT_EQ(test, vhdx_committer_preresume(c, NULL, 0), 0);
	change(test);
	KUNIT_EXPECT_FALSE(test, guid_equal(vhdx_image_identity(c->image),
					    &guid));
}

static struct kunit_case commit_cases[] = {
	KUNIT_CASE(commit_resume),
	KUNIT_CASE(commit_survey_broken_off),
	KUNIT_CASE(commit_forget_other),
	KUNIT_CASE(commit_forget_live),
	KUNIT_CASE(commit_forget_late),
	KUNIT_CASE(commit_by_clock),
	KUNIT_CASE(commit_hastened),
	KUNIT_CASE(commit_after_failure),
	KUNIT_CASE(commit_starved),
	KUNIT_CASE(commit_unflushed),
	KUNIT_CASE(commit_unflushed_end),
	KUNIT_CASE(commit_robbed),
	KUNIT_CASE(commit_beside_discards),
	KUNIT_CASE(commit_hibernates),
	KUNIT_CASE(commit_seal),
	{}
};

struct kunit_suite vhdx_commit_suite = {
	.name = "vhdx_commit",
	.init = commit_init,
	.exit = commit_exit,
	.test_cases = commit_cases,
};
