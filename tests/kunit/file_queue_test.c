// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/file-queue.c: which worker is called for a bio, and that one is.
 * In the kernel alone.
 *
 * It is compiled here once more. No worker runs, and nobody sleeps, unless a test
 * says so.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "fixture.h"
#include "suites.h"

#define vhdx_file_queue test_file_queue
#define vhdx_file_queue_again test_file_queue_again
#define vhdx_file_queue_init test_file_queue_init
#define vhdx_file_queue_exit test_file_queue_exit

#include "store/file.h"

#define IOS 8U
#define STEPS 20000U

/**
 * struct called - what came of bios
 * @times: how often the worker of this CPU was called, and that of any
 * @work: who was called and has not run
 * @at_once: whoever is called runs before the caller goes on
 * @late: comes to the list while a worker is at it
 * @issued: bios that workers had
 * @strange: works on a queue that is not theirs
 */
static struct called {
	unsigned int times[2];
	struct work_struct *work[2];
	bool at_once;
	struct vhdx_file_io *late;
	unsigned int issued;
	unsigned int strange;
} called;

enum { NEAR, FAR };

/* Nothing looks into them: queue_work() is the test's own. */
static struct vhdx_file_workers workers = {
	.near = (void *)&called.work[NEAR],
	.far = (void *)&called.work[FAR],
};

static struct vhdx_file file;
static struct vhdx_file_io ios[IOS];

static void worker_runs(void)
{
	unsigned int who;

	for (who = NEAR; who <= FAR; who++) {
		struct work_struct *work = called.work[who];

		called.work[who] = NULL;
		if (work)
			work->func(work);
	}
}

static bool test_queue_work(struct workqueue_struct *queue,
			    struct work_struct *work);
static void test_file_issue(struct llist_node *batch);

#define queue_work test_queue_work
#define vhdx_file_issue test_file_issue
#include "../../dm-vhdx/store/file-queue.c"

static bool test_queue_work(struct workqueue_struct *queue,
			    struct work_struct *work)
{
	struct vhdx_file_cpu *cpu = raw_cpu_ptr(file.cpus);
	unsigned int who = queue == workers.near ? NEAR : FAR;
	bool idle = !called.work[who];

	called.strange += work != (who == NEAR ? &cpu->near : &cpu->far);
	called.times[who]++;
	called.work[who] = work;
	if (called.at_once)
		worker_runs();
	return idle;
}

static void test_file_issue(struct llist_node *batch)
{
	struct vhdx_file_cpu *cpu = raw_cpu_ptr(file.cpus);
	struct vhdx_file_io *io;

	if (called.late)
		llist_add(&called.late->node, &cpu->pending);
	called.late = NULL;
	/* In the order in which they came. */
	llist_for_each_entry(io, batch, node)
		called.issued += io == &ios[called.issued];
}

/* On the CPU where it is: the list is that one's. */
static int file_queue_init(struct kunit *test)
{
	file = (struct vhdx_file){ .workers = &workers };
	called = (struct called){};
	return set_cpus_allowed_ptr(current,
				    cpumask_of(raw_smp_processor_id())) ?:
	       vhdx_file_queue_init(&file);
}

static void file_queue_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, called.strange, 0);
	vhdx_file_queue_exit(&file);
}

/* As the scheduler counts it. */
static void sleeps(void)
{
	current->nvcsw++;
}

static void file_queue_waits(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++) {
		sleeps();
		vhdx_file_queue(&file, &ios[i]);
		KUNIT_ASSERT_EQ(test, called.times[NEAR], i + 1);
		KUNIT_ASSERT_PTR_EQ(test, raw_cpu_ptr(file.cpus)->stream.task,
				    (const struct task_struct *)current);
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, i + 1);
	}
	KUNIT_EXPECT_EQ(test, called.times[FAR], 0);
}

/* Neither worker is called twice for one list. */
static void file_queue_goes_on(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < IOS; i++)
		vhdx_file_queue(&file, &ios[i]);
	KUNIT_EXPECT_EQ(test, called.times[NEAR], 1);
	KUNIT_EXPECT_EQ(test, called.times[FAR], 1);
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
	KUNIT_EXPECT_EQ(test, called.times[NEAR], 1);
	KUNIT_EXPECT_EQ(test, called.times[FAR], IOS - 1);
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
	KUNIT_EXPECT_EQ(test, called.times[NEAR], IOS);
	KUNIT_EXPECT_EQ(test, called.times[FAR], 0);
}

/* Until the task is done, and then all at once. */
static void file_queue_plugged(struct kunit *test)
{
	struct blk_plug plug;
	unsigned int i;

	blk_start_plug(&plug);
	for (i = 0; i < IOS; i++)
		vhdx_file_queue(&file, &ios[i]);
	KUNIT_EXPECT_EQ(test, called.times[NEAR] + called.times[FAR], 0);
	blk_finish_plug(&plug);
	KUNIT_EXPECT_EQ(test, called.times[NEAR], 1);
	KUNIT_EXPECT_EQ(test, called.times[FAR], 0);
	worker_runs();
	KUNIT_EXPECT_EQ(test, called.issued, IOS);
}

/* What comes while a worker is at the list is its, too. */
static void file_queue_late(struct kunit *test)
{
	called.late = &ios[1];
	vhdx_file_queue(&file, &ios[0]);
	worker_runs();
	KUNIT_EXPECT_EQ(test, called.issued, 2);
}

static void check_on_its_way(struct kunit *test, unsigned int queued)
{
	bool called_for = called.work[NEAR] || called.work[FAR];

	KUNIT_ASSERT_TRUE(test, called_for || called.issued == queued);
}

/* Whoever submits, and however: what is on the list has a worker on its way. */
static void file_queue_random(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int queued = 0;
	int step;

	prandom_seed_state(&rnd, 1);
	for (step = 0; step < STEPS; step++) {
		u32 random = prandom_u32_state(&rnd);

		/* Seldom for a while, then often. */
		if (random % 64 < (step >> 8) % 64)
			sleeps();
		called.at_once = (random >> 16) % 4 == 0;
		vhdx_file_queue(&file, &ios[queued++]);
		check_on_its_way(test, queued);
		if (queued < IOS && (random >> 8) % 4)
			continue;
		worker_runs();
		KUNIT_ASSERT_EQ(test, called.issued, queued);
		called.issued = 0;
		queued = 0;
	}
	KUNIT_EXPECT_GT(test, called.times[NEAR], STEPS / 64);
	KUNIT_EXPECT_GT(test, called.times[FAR], STEPS / 64);
}

static struct kunit_case file_queue_cases[] = {
	KUNIT_CASE(file_queue_waits),
	KUNIT_CASE(file_queue_goes_on),
	KUNIT_CASE(file_queue_preempted),
	KUNIT_CASE(file_queue_again),
	KUNIT_CASE(file_queue_plugged),
	KUNIT_CASE(file_queue_late),
	KUNIT_CASE(file_queue_random),
	{}
};

struct kunit_suite vhdx_file_queue_suite = {
	.name = "vhdx_file_queue",
	.init = file_queue_init,
	.exit = file_queue_exit,
	.test_cases = file_queue_cases,
};
