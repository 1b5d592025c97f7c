// SPDX-License-Identifier: GPL-2.0-only
/* engine/space.c: who owns what, and how freed space becomes free again. */
#include <kunit/test.h>

#include "space.h"
#include "suites.h"

#define MIB VHDX_MIB
#define CHUNK (32768 * MIB)

static int space_init(struct kunit *test)
{
	struct vhdx_space *space = kunit_kzalloc(test, sizeof(*space),
						 GFP_KERNEL);

	if (!space)
		return -ENOMEM;
	test->priv = space;
	return vhdx_space_init(space);
}

static void space_exit(struct kunit *test)
{
	if (test->priv)
		vhdx_space_exit(test->priv);
}

static struct vhdx_space *grow(struct kunit *test, u64 size)
{
	struct vhdx_space *space = test->priv;

	KUNIT_ASSERT_EQ(test, vhdx_space_grow(space, size), 0);
	return space;
}

/* Also the last step, whose space becomes free run by run. */
static void advance(struct vhdx_space *space, enum vhdx_freed step)
{
	u64 pos = 0, length;

	if (step < VHDX_FREED_DRAINING) {
		vhdx_space_advance(space, step);
		return;
	}
	while ((pos = vhdx_space_next(space, step, pos, &length)) != U64_MAX) {
		vhdx_space_reclaim(space, pos, length);
		pos += length;
	}
}

/* Gives all of it up and takes it through every step, one after the other. */
static void set_free(struct vhdx_space *space, u64 offset, u64 length)
{
	u32 step;

	vhdx_space_release(space, offset, length);
	for (step = 0; step < VHDX_FREED_STEPS; step++)
		advance(space, step);
}

static void take_overlaps(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 100 * MIB);

	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 10 * MIB, 4 * MIB));
	/* Neighbours on either side do not touch it. */
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 9 * MIB, MIB));
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 14 * MIB, MIB));
	/* The first MiB, the last one, the whole. */
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 8 * MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 14 * MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 0, 100 * MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 50 * MIB, 1));
}

/* Each MiB that is touched counts as a whole. */
static void take_parts(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 100 * MIB);

	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 10 * MIB - 1, 2));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 9 * MIB, 1));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 11 * MIB - 1, 1));
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 8 * MIB, MIB));
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 11 * MIB, MIB));
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 12 * MIB);
}

static void untake(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 100 * MIB);

	vhdx_space_take(space, 10 * MIB, 4 * MIB);
	vhdx_space_untake(space, 11 * MIB, 2 * MIB);
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 11 * MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 10 * MIB, MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 13 * MIB, MIB));
}

static void end(struct kunit *test)
{
	struct vhdx_space *space = test->priv;

	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 0);
	grow(test, 3 * CHUNK);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 0);
	vhdx_space_take(space, 0, 1);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), MIB);
	vhdx_space_take(space, CHUNK - MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), CHUNK);
	vhdx_space_take(space, CHUNK, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), CHUNK + MIB);
	vhdx_space_take(space, 3 * CHUNK - MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 3 * CHUNK);
	/* What is on its way to be free is owned still. */
	vhdx_space_release(space, 3 * CHUNK - MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 3 * CHUNK);
	vhdx_space_untake(space, CHUNK, MIB);
	set_free(space, 3 * CHUNK - MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), CHUNK);
}

static void grow_keeps(struct kunit *test)
{
	struct vhdx_space *space = grow(test, MIB);

	KUNIT_EXPECT_EQ(test, space->chunks, 1);
	vhdx_space_take(space, 5 * MIB, MIB);
	grow(test, CHUNK);
	KUNIT_EXPECT_EQ(test, space->chunks, 1);
	grow(test, CHUNK + 1);
	KUNIT_EXPECT_EQ(test, space->chunks, 2);
	/* Shorter than before is nothing to do. */
	grow(test, MIB);
	KUNIT_EXPECT_EQ(test, space->chunks, 2);
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 5 * MIB, MIB));
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, CHUNK, MIB));
}

/* Room is used from below, and a hole that is too small is passed over. */
static void find_first_fit(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 20 * MIB);

	vhdx_space_take(space, 0, 4 * MIB);
	vhdx_space_take(space, 5 * MIB, MIB);
	vhdx_space_take(space, 8 * MIB, 2 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 2 * MIB, 20 * MIB),
			6 * MIB);
	/* It is taken, so the next one is elsewhere. */
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 2 * MIB, 20 * MIB),
			10 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 20 * MIB), 4 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 20 * MIB), 12 * MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 6 * MIB, 2 * MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 12 * MIB, MIB));
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 13 * MIB, 7 * MIB));
}

/* Room must end inside the file, to the last byte. */
static void find_bounded(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 20 * MIB);

	vhdx_space_take(space, 0, 16 * MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_space_find(space, 4 * MIB, 19 * MIB) ==
				U64_MAX);
	vhdx_space_untake(space, 0, 1);
	KUNIT_EXPECT_TRUE(test, vhdx_space_find(space, 4 * MIB,
						20 * MIB - 1) == U64_MAX);
	vhdx_space_untake(space, 0, 1);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 4 * MIB, 20 * MIB),
			16 * MIB);
}

static void find_nowhere(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 8 * MIB);

	vhdx_space_take(space, 0, 8 * MIB);
	KUNIT_EXPECT_TRUE(test,
			  vhdx_space_find(space, MIB, 8 * MIB) == U64_MAX);
	/* Nobody looks again until something becomes free. */
	KUNIT_EXPECT_TRUE(test, space->full);
	set_free(space, 3 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 8 * MIB), 3 * MIB);
}

/* Blocks of 256 MiB, and of 1 MiB, up to the border of two chunks and past. */
static void find_at_border(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 2 * CHUNK);

	vhdx_space_take(space, 0, CHUNK - 255 * MIB);
	/* 255 MiB are free before the border and much more behind it. */
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 256 * MIB, 2 * CHUNK),
			CHUNK);
	vhdx_space_untake(space, CHUNK - 256 * MIB, MIB);
	space->cursor = 0;
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 256 * MIB, 2 * CHUNK),
			CHUNK - 256 * MIB);
	vhdx_space_untake(space, CHUNK - MIB, 2 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 2 * CHUNK),
			CHUNK - MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 2 * CHUNK), CHUNK);
}

/* The search goes on where it found room, and round to the start. */
static void find_goes_round(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 3 * CHUNK);

	vhdx_space_take(space, 0, 3 * CHUNK);
	vhdx_space_untake(space, 2 * CHUNK + 7 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 3 * CHUNK),
			2 * CHUNK + 7 * MIB);
	vhdx_space_untake(space, 5 * MIB, MIB);
	vhdx_space_untake(space, 2 * CHUNK + 9 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 3 * CHUNK),
			2 * CHUNK + 9 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 3 * CHUNK), 5 * MIB);
	/* A file that got shorter than where the search was. */
	vhdx_space_untake(space, CHUNK, MIB);
	vhdx_space_untake(space, 2 * CHUNK, MIB);
	space->cursor = 2;
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, CHUNK + 5 * MIB),
			CHUNK);
}

/* What the map does not cover is not looked at. */
static void find_beyond(struct kunit *test)
{
	struct vhdx_space *space = grow(test, CHUNK);

	vhdx_space_take(space, 0, CHUNK - MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 3 * CHUNK),
			CHUNK - MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_space_find(space, MIB, 3 * CHUNK) ==
				U64_MAX);
}

/* At each step but the last, the space is still owned. */
static void freed_steps(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 4 * MIB);
	u32 step, other;

	vhdx_space_take(space, 0, 4 * MIB);
	vhdx_space_release(space, MIB, 2 * MIB);
	for (step = 0; step < VHDX_FREED_STEPS; step++) {
		for (other = 0; other < VHDX_FREED_STEPS; other++) {
			KUNIT_EXPECT_EQ(test, space->freed[other],
					other == step ? 2 : 0);
			/* Steps that nothing is in have nothing to move. */
			if (other != step)
				advance(space, other);
		}
		space->full = false;
		KUNIT_EXPECT_TRUE(test, vhdx_space_find(space, MIB, 4 * MIB) ==
					U64_MAX);
		advance(space, step);
	}
	for (step = 0; step < VHDX_FREED_STEPS; step++)
		KUNIT_EXPECT_EQ(test, space->freed[step], 0);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 2 * MIB, 4 * MIB), MIB);
	/* Steps long past do not free it again. */
	for (step = 0; step < VHDX_FREED_STEPS; step++)
		advance(space, step);
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, MIB, MIB));
	KUNIT_EXPECT_TRUE(test, vhdx_space_take(space, 2 * MIB, MIB));
}

/* What is freed later does not overtake, and does not hurry the other. */
static void freed_queue(struct kunit *test)
{
	struct vhdx_space *space = grow(test, 2 * CHUNK);
	u64 length;

	vhdx_space_take(space, 0, 2 * CHUNK);
	vhdx_space_release(space, 10 * MIB, MIB);
	vhdx_space_advance(space, VHDX_FREED_OPEN);
	vhdx_space_release(space, CHUNK + 20 * MIB, 3 * MIB);
	vhdx_space_advance(space, VHDX_FREED_COMMITTING);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_OPEN], 3);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_WAITING], 1);
	/* The second one catches up with the first. */
	vhdx_space_advance(space, VHDX_FREED_OPEN);
	vhdx_space_advance(space, VHDX_FREED_COMMITTING);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_WAITING], 4);
	vhdx_space_advance(space, VHDX_FREED_WAITING);
	KUNIT_EXPECT_EQ(test,
			vhdx_space_next(space, VHDX_FREED_DRAINING, 0, &length),
			10 * MIB);
	KUNIT_EXPECT_EQ(test, length, MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_space_next(space, VHDX_FREED_DRAINING, 11 * MIB,
					&length),
			CHUNK + 20 * MIB);
	KUNIT_EXPECT_EQ(test, length, 3 * MIB);
	advance(space, VHDX_FREED_DRAINING);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, 3 * MIB, 2 * CHUNK),
			CHUNK + 20 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, 2 * CHUNK),
			10 * MIB);
	KUNIT_EXPECT_TRUE(test, vhdx_space_find(space, MIB, 2 * CHUNK) ==
				U64_MAX);
}

/* A part that was discarded is free; the rest of the run is not yet. */
static void freed_in_parts(struct kunit *test)
{
	struct vhdx_space *space = grow(test, CHUNK);
	u64 length;

	vhdx_space_take(space, 0, CHUNK);
	vhdx_space_release(space, 8 * MIB, 4 * MIB);
	advance(space, VHDX_FREED_OPEN);
	advance(space, VHDX_FREED_COMMITTING);
	advance(space, VHDX_FREED_WAITING);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, CHUNK), U64_MAX);
	vhdx_space_reclaim(space, 8 * MIB, MIB);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_DRAINING], 3);
	KUNIT_EXPECT_EQ(test,
			vhdx_space_next(space, VHDX_FREED_DRAINING, 0, &length),
			9 * MIB);
	KUNIT_EXPECT_EQ(test, length, 3 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, CHUNK), 8 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_find(space, MIB, CHUNK), U64_MAX);
}

/* Runs that touch are one; the border of a chunk ends one. */
static void next_runs(struct kunit *test)
{
	static const u64 want[][2] = {
		{ 0, 1 }, { 5 * MIB, 5 }, { CHUNK - 2 * MIB, 2 },
		{ CHUNK, 3 }, { 2 * CHUNK + 63 * MIB, 2 },
		{ 3 * CHUNK - MIB, 1 },
	};
	struct vhdx_space *space = grow(test, 3 * CHUNK);
	u64 pos = 0, length;
	u32 i;

	vhdx_space_release(space, 7 * MIB, 3 * MIB);
	vhdx_space_release(space, 0, MIB);
	vhdx_space_release(space, 5 * MIB, 2 * MIB);
	vhdx_space_release(space, CHUNK - 2 * MIB, 5 * MIB);
	vhdx_space_release(space, 2 * CHUNK + 63 * MIB, 2 * MIB);
	vhdx_space_release(space, 3 * CHUNK - MIB, MIB);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		pos = vhdx_space_next(space, VHDX_FREED_OPEN, pos, &length);
		KUNIT_ASSERT_EQ(test, pos, want[i][0]);
		KUNIT_EXPECT_EQ(test, length, want[i][1] * MIB);
		pos += length;
	}
	KUNIT_EXPECT_TRUE(test, vhdx_space_next(space, VHDX_FREED_OPEN, pos,
						&length) == U64_MAX);
	KUNIT_EXPECT_TRUE(test, vhdx_space_next(space, VHDX_FREED_WAITING, 0,
						&length) == U64_MAX);
}

/* The last MiB that there can be. */
static void farthest(struct kunit *test)
{
	struct vhdx_space *space = test->priv;
	u64 end = VHDX_FILE_SIZE_MAX, length;

	/* As many as the directory has room for. */
	KUNIT_ASSERT_EQ(test, vhdx_space_grow(space, end), 0);
	KUNIT_EXPECT_EQ(test, space->chunks, 256 * 32);
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, end - MIB, MIB));
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), end);
	vhdx_space_release(space, end - MIB, MIB);
	KUNIT_EXPECT_EQ(test,
			vhdx_space_next(space, VHDX_FREED_OPEN, 0, &length),
			end - MIB);
	KUNIT_EXPECT_EQ(test, length, MIB);
	KUNIT_EXPECT_TRUE(test,
			  vhdx_space_next(space, VHDX_FREED_OPEN, end,
					  &length) == U64_MAX);
	set_free(space, end - MIB, MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_end(space), 0);
}

static void exit_twice(struct kunit *test)
{
	struct vhdx_space *space = grow(test, CHUNK);

	vhdx_space_exit(space);
	vhdx_space_exit(space);
	KUNIT_EXPECT_EQ(test, vhdx_space_init(space), 0);
	grow(test, MIB);
	KUNIT_EXPECT_FALSE(test, vhdx_space_take(space, 0, MIB));
}

/* A file that others change may have a block that goes on beyond the map. */
static void free_beyond(struct kunit *test)
{
	struct vhdx_space *space = grow(test, CHUNK);

	vhdx_space_take(space, CHUNK - MIB, MIB);
	vhdx_space_release(space, CHUNK - MIB, 2 * MIB);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_OPEN], 1);
	vhdx_space_release(space, 5 * CHUNK, MIB);
	KUNIT_EXPECT_EQ(test, space->freed[VHDX_FREED_OPEN], 1);
}

/* Over a chunk's edge, and up to an end inside a MiB. */
static void unowned_counts(struct kunit *test)
{
	struct vhdx_space *space = grow(test, CHUNK + 10 * MIB);

	KUNIT_EXPECT_EQ(test, vhdx_space_unowned(space, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_space_unowned(space, CHUNK + 512),
			CHUNK + 512);
	vhdx_space_take(space, 0, 3 * MIB);
	vhdx_space_take(space, CHUNK - MIB, 2 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_unowned(space, CHUNK + 10 * MIB),
			CHUNK + 5 * MIB);
	KUNIT_EXPECT_EQ(test, vhdx_space_unowned(space, CHUNK + 512),
			CHUNK - 4 * MIB);
	vhdx_space_take(space, CHUNK + 9 * MIB, 1);
	KUNIT_EXPECT_EQ(test, vhdx_space_unowned(space, CHUNK + 9 * MIB + 512),
			CHUNK + 4 * MIB);
}

static struct kunit_case space_cases[] = {
	KUNIT_CASE(take_overlaps),
	KUNIT_CASE(take_parts),
	KUNIT_CASE(untake),
	KUNIT_CASE(end),
	KUNIT_CASE(grow_keeps),
	KUNIT_CASE(find_first_fit),
	KUNIT_CASE(find_bounded),
	KUNIT_CASE(find_nowhere),
	KUNIT_CASE(find_at_border),
	KUNIT_CASE(find_goes_round),
	KUNIT_CASE(find_beyond),
	KUNIT_CASE(freed_steps),
	KUNIT_CASE(freed_queue),
	KUNIT_CASE(freed_in_parts),
	KUNIT_CASE(next_runs),
	KUNIT_CASE(farthest),
	KUNIT_CASE(exit_twice),
	KUNIT_CASE(free_beyond),
	KUNIT_CASE(unowned_counts),
	{}
};

struct kunit_suite vhdx_space_suite = {
	.name = "vhdx_space",
	.init = space_init,
	.exit = space_exit,
	.test_cases = space_cases,
};
