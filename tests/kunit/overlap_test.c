// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-vhdx/store/overlap.c: which writes wait for which, and that each goes on. In the
 * kernel alone.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "store/overlap.h"
#include "suites.h"

#define WRITES 64U
#define STEPS 20000U
#define PAGES 8U

/**
 * struct test_write - a write
 * @write: as the file store has it
 * @node: where it waits
 * @busy: it has come and has not ended
 * @begun: it may begin
 */
struct test_write {
	struct vhdx_overlap_write write;
	struct llist_node node;
	bool busy;
	bool begun;
};

static struct vhdx_overlap overlap;
static struct test_write writes[WRITES];

static int overlap_test_init(struct kunit *test)
{
	vhdx_overlap_init(&overlap, 512);
	memset(writes, 0, sizeof(writes));
	return 0;
}

static bool comes(unsigned int i, bool cached, u64 pos, u64 len)
{
	struct test_write *w = &writes[i];

	w->busy = true;
	w->write.cached = cached;
	w->begun = vhdx_overlap_enter(&overlap, &w->write, pos, len, &w->node);
	return w->begun;
}

/* Returns how many others begin by that. */
static unsigned int ends(unsigned int i)
{
	struct test_write *w, *next;
	struct llist_node *waiting;
	unsigned int begun = 0;

	writes[i].busy = false;
	waiting = vhdx_overlap_leave(&overlap, &writes[i].write);
	waiting = llist_reverse_order(waiting);
	llist_for_each_entry_safe(w, next, waiting, node) {
		w->begun = vhdx_overlap_again(&overlap, &w->write, &w->node);
		begun += w->begun;
	}
	return begun;
}

static void overlap_alike(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, comes(0, false, 0, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, comes(1, false, 0, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, comes(2, true, 2 * PAGE_SIZE, 512));
	KUNIT_EXPECT_TRUE(test, comes(3, true, 2 * PAGE_SIZE, 512));
	KUNIT_EXPECT_EQ(test, ends(0) + ends(1) + ends(2) + ends(3), 0);
}

static void overlap_apart(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, comes(0, false, PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, comes(1, true, 0, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, comes(2, true, 2 * PAGE_SIZE, 512));
	KUNIT_EXPECT_EQ(test, ends(0) + ends(1) + ends(2), 0);
}

/* Other sectors, but the same page. */
static void overlap_page(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, comes(0, false, PAGE_SIZE, 512));
	KUNIT_EXPECT_FALSE(test, comes(1, true, 2 * PAGE_SIZE - 512, 512));
	KUNIT_EXPECT_EQ(test, ends(0), 1);
	KUNIT_EXPECT_FALSE(test, comes(2, false, PAGE_SIZE + 1024, 512));
	KUNIT_EXPECT_EQ(test, ends(1), 1);
	KUNIT_EXPECT_EQ(test, ends(2), 0);
}

/* A disk whose direct I/O takes more than a page. */
static void overlap_unit(struct kunit *test)
{
	u32 unit = 4 * PAGE_SIZE;

	vhdx_overlap_init(&overlap, unit);
	KUNIT_EXPECT_TRUE(test, comes(0, false, 0, unit));
	KUNIT_EXPECT_FALSE(test, comes(1, true, unit - 512, 512));
	KUNIT_EXPECT_TRUE(test, comes(2, true, unit, 512));
	KUNIT_EXPECT_EQ(test, ends(0), 1);
	KUNIT_EXPECT_EQ(test, ends(1) + ends(2), 0);
}

/* One that came later, and waits, is not passed by those after it for ever. */
static void overlap_order(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, comes(0, false, 0, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, comes(1, true, 0, 512));
	KUNIT_EXPECT_FALSE(test, comes(2, false, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, ends(0), 1);
	KUNIT_EXPECT_FALSE(test, writes[2].begun);
	KUNIT_EXPECT_EQ(test, ends(1), 1);
	KUNIT_EXPECT_EQ(test, ends(2), 0);
}

static bool meet(const struct test_write *a, const struct test_write *b)
{
	return a->busy && a->begun && b->busy && b->begun &&
	       a->write.cached != b->write.cached &&
	       a->write.start <= b->write.last &&
	       b->write.start <= a->write.last;
}

static void check_apart(struct kunit *test, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < WRITES; k++)
		KUNIT_ASSERT_FALSE(test, k != i && meet(&writes[i], &writes[k]));
}

static void step(struct kunit *test, u32 random)
{
	unsigned int i = random % WRITES;
	u64 pos = (random >> 8) % (PAGES * PAGE_SIZE) & ~511ULL;

	if (!writes[i].busy)
		comes(i, random >> 31, pos, 512 << ((random >> 28) & 3));
	else if (writes[i].begun)
		ends(i);
	for (i = 0; i < WRITES; i++)
		check_apart(test, i);
}

/* Whatever comes: two that meet are never under way at once, and all of them end. */
static void overlap_random(struct kunit *test)
{
	unsigned int i, left;
	struct rnd_state rnd;
	u32 n;

	prandom_seed_state(&rnd, 1);
	for (n = 0; n < STEPS; n++)
		step(test, prandom_u32_state(&rnd));
	for (n = 0; n < WRITES; n++)
		for (i = 0; i < WRITES; i++)
			if (writes[i].busy && writes[i].begun)
				ends(i);
	for (i = 0, left = 0; i < WRITES; i++)
		left += writes[i].busy;
	KUNIT_EXPECT_EQ(test, left, 0);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&overlap.writes.rb_root));
}

static struct kunit_case overlap_cases[] = {
	KUNIT_CASE(overlap_alike),
	KUNIT_CASE(overlap_apart),
	KUNIT_CASE(overlap_page),
	KUNIT_CASE(overlap_unit),
	KUNIT_CASE(overlap_order),
	KUNIT_CASE(overlap_random),
	{}
};

struct kunit_suite vhdx_overlap_suite = {
	.name = "vhdx_overlap",
	.init = overlap_test_init,
	.test_cases = overlap_cases,
};
