// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/reason.c: the sentence of a refused table stays what it was, whatever
 * goes to the log after it. In the kernel alone.
 */
#include <linux/device-mapper.h>
#include <linux/string.h>

#include "fixture.h"
#include "reason.h"
#include "suites.h"

/* More than there are places for sentences. */
#define FINDINGS 20U

static void find_something(struct vhdx_reason *reason,
			   enum vhdx_severity severity)
{
	struct vhdx_place at = VHDX_AT("test", 0);
	unsigned int i;

	for (i = 0; i < FINDINGS; i++)
		vhdx_find(&reason->report, severity, at, "finding %u", i);
}

static void reason_stays(struct kunit *test)
{
	struct vhdx_reason reason;
	struct dm_target ti = {};

	vhdx_reason_init(&reason, &ti);
	reason.image = "a\nb";
	KUNIT_EXPECT_EQ(test, vhdx_reason_give(&reason, -EINVAL, "the %s", "first"),
			-EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, ti.error);
	find_something(&reason, VHDX_WARN);
	find_something(&reason, VHDX_ERROR);
	KUNIT_EXPECT_STREQ(test, ti.error, "a\\012b: the first");
}

static struct kunit_case reason_cases[] = {
	KUNIT_CASE(reason_stays),
	{}
};

struct kunit_suite vhdx_reason_suite = {
	.name = "vhdx_reason",
	.test_cases = reason_cases,
};
