// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/load.c: many that miss one page. In the kernel alone.
 *
 * load.c is compiled here once more. Its reads wait until the test lets them go
 * on.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/workqueue.h>

#include "fixture.h"
#include "suites.h"

#define TASKS 8U
/* What is not done by then never will be. */
#define PATIENCE_MS 30000

static DECLARE_COMPLETION(go_on);
static atomic_t reads;
static int result;

static int test_image_load(const struct vhdx_miss *miss)
{
	atomic_inc(&reads);
	wait_for_completion(&go_on);
	return result;
}

#define vhdx_load test_vhdx_load
#define vhdx_image_load test_image_load
#include "../../dm-vhdx/load.c"

/* One that misses a page. */
struct task {
	struct work_struct work;
	struct vhdx_miss miss;
	int err;
};

static void task_work(struct work_struct *work)
{
	struct task *task = container_of(work, struct task, work);

	task->err = test_vhdx_load(&task->miss);
}

static unsigned int followers(void)
{
	unsigned int count = 0;
	struct load *load;

	spin_lock(&loads_lock);
	list_for_each_entry(load, &loads, node)
		count += load->followers;
	spin_unlock(&loads_lock);
	return count;
}

static struct task *begin(struct kunit *test, struct workqueue_struct *queue,
			  struct vhdx_page_map *maps)
{
	struct task *tasks = kunit_kcalloc(test, TASKS, sizeof(*tasks),
					   GFP_KERNEL);
	unsigned int i, ms;

	KUNIT_ASSERT_NOT_NULL(test, tasks);
	atomic_set(&reads, 0);
	reinit_completion(&go_on);
	/* The last two miss another page, and another map's of that number. */
	for (i = 0; i < TASKS; i++) {
		tasks[i].err = 1;
		tasks[i].miss.map = &maps[i == TASKS - 1];
		tasks[i].miss.index = i == TASKS - 2 ? 8 : 7;
		INIT_WORK(&tasks[i].work, task_work);
		queue_work(queue, &tasks[i].work);
	}
	for (ms = 0; followers() < TASKS - 3 && ms < PATIENCE_MS; ms += 20)
		msleep(20);
	KUNIT_EXPECT_EQ(test, followers(), TASKS - 3);
	return tasks;
}

static void load_once(struct kunit *test)
{
	static const int results[] = { 0, -EIO };
	struct workqueue_struct *queue;
	struct vhdx_page_map *maps;
	struct task *tasks;
	unsigned int i, k;

	maps = kunit_kcalloc(test, 2, sizeof(*maps), GFP_KERNEL);
	queue = alloc_workqueue("vhdx_load_test", WQ_UNBOUND, TASKS);
	KUNIT_ASSERT_NOT_NULL(test, maps);
	KUNIT_ASSERT_NOT_NULL(test, queue);
	for (k = 0; k < ARRAY_SIZE(results); k++) {
		result = results[k];
		tasks = begin(test, queue, maps);
		complete_all(&go_on);
		flush_workqueue(queue);
		KUNIT_EXPECT_EQ(test, atomic_read(&reads), 3);
		for (i = 0; i < TASKS; i++)
			KUNIT_EXPECT_EQ(test, tasks[i].err, result);
		KUNIT_EXPECT_TRUE(test, list_empty(&loads));
	}
	destroy_workqueue(queue);
}

static struct kunit_case load_cases[] = {
	KUNIT_CASE(load_once),
	{}
};

struct kunit_suite vhdx_load_suite = {
	.name = "vhdx_load",
	.test_cases = load_cases,
};
