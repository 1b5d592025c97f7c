// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/stream.c: which bios are taken for those of a stream. In the kernel
 * alone, where tasks are.
 */
#include <kunit/test.h>

#include "store/stream.h"
#include "suites.h"

/* The most bios that a stream may take to show. */
#define DOUBTED 256U

/* Only compared. */
static const struct task_struct *const one = (const void *)64;
static const struct task_struct *const another = (const void *)128;

/* The same task, which has slept so often. */
static enum vhdx_stream_step bio(struct vhdx_stream *s, unsigned long sleeps)
{
	return vhdx_stream_note(s, one, sleeps);
}

/* How many bios it takes one that does not sleep any more to show a stream. */
static unsigned int shows_after(struct vhdx_stream *s, unsigned long sleeps)
{
	unsigned int count = 0;

	while (bio(s, sleeps) == VHDX_STREAM_NONE && count <= 2 * DOUBTED)
		count++;
	return count;
}

static void stream_none(struct kunit *test)
{
	struct vhdx_stream s = {};
	unsigned long sleeps;

	for (sleeps = 0; sleeps < 1000; sleeps++)
		KUNIT_ASSERT_TRUE(test, bio(&s, sleeps) == VHDX_STREAM_NONE);
}

static void stream_tasks(struct kunit *test)
{
	struct vhdx_stream s = {};
	int i;

	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_TRUE(test, vhdx_stream_note(&s, i & 1 ? one : another,
							 7) ==
					VHDX_STREAM_NONE);
}

static void stream_shows(struct kunit *test)
{
	struct vhdx_stream s = {};

	KUNIT_EXPECT_TRUE(test, bio(&s, 1) == VHDX_STREAM_NONE);
	KUNIT_EXPECT_TRUE(test, bio(&s, 1) == VHDX_STREAM_BEGINS);
	KUNIT_EXPECT_TRUE(test, bio(&s, 1) == VHDX_STREAM_ON);
	KUNIT_EXPECT_TRUE(test, bio(&s, 1) == VHDX_STREAM_ON);
	/* Who did that will do it again, */
	KUNIT_EXPECT_TRUE(test, bio(&s, 2) == VHDX_STREAM_BEGINS);
	/* but not if it did not. */
	KUNIT_EXPECT_TRUE(test, bio(&s, 3) == VHDX_STREAM_NONE);
}

static void stream_another(struct kunit *test)
{
	struct vhdx_stream s = {};

	bio(&s, 1);
	bio(&s, 1);
	KUNIT_EXPECT_TRUE(test, bio(&s, 1) == VHDX_STREAM_ON);
	KUNIT_EXPECT_TRUE(test, vhdx_stream_note(&s, another, 1) ==
				VHDX_STREAM_NONE);
}

/* A task that a worker preempts for each bio: now and then one is mistaken. */
static void stream_doubt(struct kunit *test)
{
	struct vhdx_stream s = {};
	unsigned int wanted = 1;
	unsigned long sleeps;

	for (sleeps = 0; sleeps < 20; sleeps++) {
		KUNIT_ASSERT_EQ(test, shows_after(&s, sleeps), wanted);
		wanted = min(2 * wanted, DOUBTED);
	}
}

static void stream_ends_doubt(struct kunit *test)
{
	struct vhdx_stream s = {};
	unsigned long sleeps;

	for (sleeps = 0; sleeps < 6; sleeps++)
		shows_after(&s, sleeps);
	KUNIT_ASSERT_GT(test, shows_after(&s, sleeps), 8U);
	KUNIT_EXPECT_TRUE(test, bio(&s, sleeps) == VHDX_STREAM_ON);
	/* Twice asleep: then nothing is presumed of it. */
	bio(&s, ++sleeps);
	sleeps++;
	KUNIT_EXPECT_LE(test, shows_after(&s, sleeps), 2U);
}

/* Comes with so many, sleeps, and so on. Returns how many began a stream. */
static unsigned int bursts(struct vhdx_stream *s, unsigned int length,
			   unsigned int count)
{
	unsigned int i, began = 0;

	for (i = 0; i < count; i++)
		began += bio(s, i / length) == VHDX_STREAM_BEGINS;
	return began;
}

/* Two are no stream. */
static void stream_pairs(struct kunit *test)
{
	struct vhdx_stream s = {};

	KUNIT_EXPECT_LE(test, bursts(&s, 2, 8 * DOUBTED), 12U);
}

/* After one that has made all doubtful: each of three or more shows again. */
static void stream_doubted(struct kunit *test)
{
	unsigned int length;

	for (length = 3; length <= 64; length++) {
		struct vhdx_stream s = {};

		bursts(&s, 2, 8 * DOUBTED);
		bursts(&s, length, 3 * DOUBTED);
		KUNIT_EXPECT_GE(test, bursts(&s, length, 10 * length), 9U);
	}
}

/* Nor is it a mistake if another task came in between. */
static void stream_cut_off(struct kunit *test)
{
	struct vhdx_stream s = {};
	unsigned long sleeps;

	for (sleeps = 0; sleeps < 20; sleeps++) {
		vhdx_stream_note(&s, another, 1);
		KUNIT_ASSERT_TRUE(test, bio(&s, sleeps) == VHDX_STREAM_NONE);
		KUNIT_ASSERT_TRUE(test, bio(&s, sleeps) == VHDX_STREAM_BEGINS);
	}
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(stream_none),
	KUNIT_CASE(stream_tasks),
	KUNIT_CASE(stream_shows),
	KUNIT_CASE(stream_another),
	KUNIT_CASE(stream_doubt),
	KUNIT_CASE(stream_ends_doubt),
	KUNIT_CASE(stream_pairs),
	KUNIT_CASE(stream_doubted),
	KUNIT_CASE(stream_cut_off),
	{}
};

struct kunit_suite vhdx_stream_suite = {
	.name = "vhdx_stream",
	.test_cases = stream_cases,
};
