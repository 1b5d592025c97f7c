// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/file-workers.c: the files of a table share their workqueues. In
 * the kernel alone.
 */
#include "fixture.h"
#include "suites.h"

#define vhdx_file_workers_get test_file_workers_get
#define vhdx_file_workers_put test_file_workers_put

/* Workqueues that were made and not destroyed, and which attempt fails. */
static unsigned int queues, attempts, fail_at;

static struct workqueue_struct *test_alloc(const char *name,
					   unsigned int flags, int active)
{
	if (++attempts == fail_at)
		return NULL;
	queues++;
	/* Nobody looks into it. */
	return (void *)&queues;
}

static void test_destroy(struct workqueue_struct *queue)
{
	queues--;
}

#include <linux/workqueue.h>

#undef alloc_workqueue
#define alloc_workqueue test_alloc
#define destroy_workqueue test_destroy
#include "../../dm-vhdx/store/file-workers.c"

static int file_workers_init(struct kunit *test)
{
	queues = 0;
	attempts = 0;
	fail_at = 0;
	return 0;
}

/* A chain of many has as many as one image: its first file is written. */
static void file_workers_shared(struct kunit *test)
{
	struct vhdx_file_workers *shared = NULL, *workers;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		workers = vhdx_file_workers_get(&shared, !i);
		KUNIT_ASSERT_PTR_EQ(test, workers, shared);
	}
	KUNIT_EXPECT_EQ(test, queues, 5);
	/* The constructor has ended, and tables of others hold some files. */
	vhdx_file_workers_put(shared);
	for (i = 0; i < 256; i++) {
		KUNIT_EXPECT_EQ(test, queues, 5);
		vhdx_file_workers_put(workers);
	}
	KUNIT_EXPECT_EQ(test, queues, 0);
}

static void file_workers_read_only(struct kunit *test)
{
	struct vhdx_file_workers *shared = NULL;

	vhdx_file_workers_put(vhdx_file_workers_get(&shared, false));
	KUNIT_EXPECT_EQ(test, queues, 3);
	vhdx_file_workers_put(shared);
	KUNIT_EXPECT_EQ(test, queues, 0);
	vhdx_file_workers_put(NULL);
}

/* Whatever cannot be made, nothing of it stays. */
static void file_workers_no_memory(struct kunit *test)
{
	for (fail_at = 1; fail_at <= 5; fail_at++) {
		struct vhdx_file_workers *shared = NULL;

		attempts = 0;
		KUNIT_EXPECT_NULL(test, vhdx_file_workers_get(&shared, true));
		KUNIT_EXPECT_EQ(test, attempts, fail_at < 4 ? 3 : 5);
		vhdx_file_workers_put(shared);
		KUNIT_EXPECT_EQ(test, queues, 0);
	}
}

static struct kunit_case file_workers_cases[] = {
	KUNIT_CASE(file_workers_shared),
	KUNIT_CASE(file_workers_read_only),
	KUNIT_CASE(file_workers_no_memory),
	{}
};

struct kunit_suite vhdx_file_workers_suite = {
	.name = "vhdx_file_workers",
	.init = file_workers_init,
	.test_cases = file_workers_cases,
};
