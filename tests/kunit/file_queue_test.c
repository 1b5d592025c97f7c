// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store-file-queue.c: which worker is called for a bio, and that one is.
 * In the kernel alone.
 *
 * It is compiled here once more. No worker runs, and nobody sleeps, unless a test
 * says so.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/prandom.h>
#include <linux/workqueue.h>

#include "fixture.h"
#include "suites.h"

#define vhdx_file_queue test_file_queue
#define vhdx_file_queue_again test_file_queue_again
#define vhdx_file_queue_init test_file_queue_init
#define vhdx_file_queue_exit test_file_queue_exit

#include "store-file.h"
#include "target.h"

#define IOS 8U
#define STEPS 20000U

/**
 * struct called - what came of bios
 * @near: how often the worker of this CPU was called
 * @far: and that of any
 * @work: that was called last and has not run
 * @issued: bios that a worker had
 */
static struct called {
	unsigned int near;
	unsigned int far;
	struct work_struct *work;
	unsigned int issued;
} called;

static struct vhdx_file file;
static struct vhdx_io ios[IOS];

static bool test_queue_work(struct workqueue_struct *queue,
			    struct work_struct *work)
{
	if (queue == file.near)
		called.near++;
	else if (queue == file.far)
		called.far++;
	called.work = work;
	return true;
}

static void test_file_issue(struct llist_node *batch)
{
	struct vhdx_io *io;

	/* In the order in which they came. */
	llist_for_each_entry(io, batch, node)
		called.issued += io == &ios[called.issued];
}

#define queue_work test_queue_work
#define vhdx_file_issue test_file_issue
#include "../../dm-vhdx/store-file-queue.c"

static int file_queue_init(struct kunit *test)
{
	file = (struct vhdx_file){};
	called = (struct called){};
	return vhdx_file_queue_init(&file);
}

static void file_queue_exit(struct kunit *test)
{
	vhdx_file_queue_exit(&file);
}

static void worker_runs(void)
{
	struct work_struct *work = called.work;

	called.work = NULL;
	work->func(work);
}

/* Since its last bio the task has slept: once more than was noted. */
static void slept(void)
{
	raw_cpu_ptr(file.cpus)->stream.sleeps--;
}

static void file_queue_waits(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++) {
		slept();
		vhdx_file_queue(&file, &ios[i]);
		KUNIT_ASSERT_EQ(test, called.near, i + 1);
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, i + 1);
	}
	KUNIT_EXPECT_EQ(test, called.far, 0);
}

/* No worker is called twice for one list. */
static void file_queue_goes_on(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++)
		vhdx_file_queue(&file, &ios[i]);
	KUNIT_EXPECT_EQ(test, called.near, 1);
	KUNIT_EXPECT_EQ(test, called.far, 1);
	worker_runs();
	KUNIT_EXPECT_EQ(test, called.issued, IOS);
}

static void file_queue_preempted(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++) {
		vhdx_file_queue(&file, &ios[i]);
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, i + 1);
	}
	KUNIT_EXPECT_EQ(test, called.near, 1);
	KUNIT_EXPECT_EQ(test, called.far, IOS - 1);
}

/* What an interrupt brings says nothing of the task that it came to. */
static void file_queue_again(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++) {
		vhdx_file_queue_again(&file, &ios[i]);
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, i + 1);
	}
	KUNIT_EXPECT_EQ(test, called.near, IOS);
	KUNIT_EXPECT_EQ(test, called.far, 0);
}

/* Until the task is done, and then all at once. */
static void file_queue_plugged(struct kunit *test)
{
	struct blk_plug plug;
	unsigned int i;

	blk_start_plug(&plug);
	for (i = 0; i < IOS; i++)
		vhdx_file_queue(&file, &ios[i]);
	KUNIT_EXPECT_EQ(test, called.near + called.far, 0);
	blk_finish_plug(&plug);
	KUNIT_EXPECT_EQ(test, called.near, 1);
	KUNIT_EXPECT_EQ(test, called.far, 0);
	worker_runs();
	KUNIT_EXPECT_EQ(test, called.issued, IOS);
}

/* Whoever submits, and however: what is on the list has a worker on its way. */
static void file_queue_random(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int on_list = 0;
	int step;

	prandom_seed_state(&rnd, 1);
	for (step = 0; step < STEPS; step++) {
		u32 random = prandom_u32_state(&rnd);

		/* Seldom for a while, then often. */
		if (random % 64 < (step >> 8) % 64)
			slept();
		vhdx_file_queue(&file, &ios[on_list++]);
		KUNIT_ASSERT_NOT_NULL(test, called.work);
		if (on_list < IOS && (random >> 8) % 4)
			continue;
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, on_list);
		called.issued = 0;
		on_list = 0;
	}
	KUNIT_EXPECT_GT(test, called.near, STEPS / 64);
	KUNIT_EXPECT_GT(test, called.far, STEPS / 64);
}

static struct kunit_case file_queue_cases[] = {
	KUNIT_CASE(file_queue_waits),
	KUNIT_CASE(file_queue_goes_on),
	KUNIT_CASE(file_queue_preempted),
	KUNIT_CASE(file_queue_again),
	KUNIT_CASE(file_queue_plugged),
	KUNIT_CASE(file_queue_random),
	{}
};

struct kunit_suite vhdx_file_queue_suite = {
	.name = "vhdx_file_queue",
	.init = file_queue_init,
	.exit = file_queue_exit,
	.test_cases = file_queue_cases,
};
