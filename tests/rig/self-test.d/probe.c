// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module of the rigs' self-test, which builds it in the place of the real
 * one: it misbehaves as told, so that the test can see the rigs notice.
 */
#include <linux/bio.h>
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "none, warn, panic, overrun, leak, sleep, order or race");

static noinline void overrun(void)
{
	u8 *bytes = kzalloc(20, GFP_KERNEL);

	/* Or the compiler sees the fault, and warns of it or drops it. */
	OPTIMIZER_HIDE_VAR(bytes);
	if (bytes)
		bytes[24] = 1;
	kfree(bytes);
}

static noinline void leak(void)
{
	void *lost = kzalloc(3000, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
}

static void sleep_under_lock(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	msleep(20);
	spin_unlock(&lock);
}

static void lock_in_both_orders(void)
{
	static DEFINE_MUTEX(one);
	static DEFINE_MUTEX(two);

	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);
	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
}

static unsigned long raced;

static noinline void count_without_lock(struct work_struct *unused)
{
	unsigned long end = jiffies + 2 * HZ;

	while (time_before(jiffies, end)) {
		raced++;
		/* Or it would be added up in a register. */
		barrier();
	}
}

static void race(void)
{
	static DECLARE_WORK(work, count_without_lock);

	queue_work(system_unbound_wq, &work);
	count_without_lock(NULL);
	flush_work(&work);
}

/* A device of zeros: it takes device-mapper itself to be there. */
static int probe_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	return 0;
}

static int probe_map(struct dm_target *ti, struct bio *bio)
{
	if (bio_op(bio) != REQ_OP_READ)
		return DM_MAPIO_KILL;
	zero_fill_bio(bio);
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static struct target_type probe_target = {
	.name = "rig-probe",
	.version = {1, 0, 0},
	.module = THIS_MODULE,
	.ctr = probe_ctr,
	.map = probe_map,
};

static int __init probe_init(void)
{
	if (!strcmp(fault, "warn"))
		WARN_ON(1);
	else if (!strcmp(fault, "panic"))
		panic("asked to");
	else if (!strcmp(fault, "overrun"))
		overrun();
	else if (!strcmp(fault, "leak"))
		leak();
	else if (!strcmp(fault, "sleep"))
		sleep_under_lock();
	else if (!strcmp(fault, "order"))
		lock_in_both_orders();
	else if (!strcmp(fault, "race"))
		race();
	return dm_register_target(&probe_target);
}

static void __exit probe_exit(void)
{
	dm_unregister_target(&probe_target);
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_DESCRIPTION("self-test of the test rigs");
MODULE_LICENSE("GPL");

#if IS_ENABLED(CONFIG_KUNIT)
#include <kunit/test.h>

static void probe_passes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 2 + 2, 4);
}

static void probe_skips(struct kunit *test)
{
	kunit_skip(test, "to see how that looks");
}

static void probe_fails_if_told(struct kunit *test)
{
	KUNIT_EXPECT_STRNEQ(test, fault, "kunit");
}

static struct kunit_case probe_cases[] = {
	KUNIT_CASE(probe_passes),
	KUNIT_CASE(probe_skips),
	KUNIT_CASE(probe_fails_if_told),
	{}
};

static struct kunit_suite probe_suite = {
	.name = "rig-probe",
	.test_cases = probe_cases,
};

kunit_test_suite(probe_suite);
#endif
