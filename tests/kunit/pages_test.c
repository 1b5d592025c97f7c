// SPDX-License-Identifier: GPL-2.0-only
/* engine/pages.c: metadata pages, their bound, and which of them go first. */
#include <kunit/test.h>

#include "pages.h"
#include "suites.h"

#define MAPS 2U
#define MAP_PAGES 200U

/**
 * struct pages_test - a pool, maps over it, and a source of pages
 * @pool: the pool
 * @map: the maps
 * @fills: pages that were filled
 * @error: what the next fill returns
 * @nested: a page that the next fill loads itself, as a race would; -1: none
 */
struct pages_test {
	struct vhdx_pool pool;
	struct vhdx_page_map map[MAPS];
	u32 fills;
	int error;
	int nested;
};

static int fill(void *context, u64 index, struct vhdx_page *page)
{
	struct pages_test *t = context;
	int nested = t->nested;

	t->fills++;
	t->nested = -1;
	if (nested >= 0)
		vhdx_map_load(page->map, nested, fill, t);
	memset(page->data, index + 1, VHDX_PAGE);
	if (index % 3 == 0)
		__set_bit(index % VHDX_BAT_ENTRIES_PER_PAGE, page->faulty);
	return t->error;
}

static int pages_init(struct kunit *test)
{
	struct pages_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	u32 i;
	int r;

	if (!t)
		return -ENOMEM;
	test->priv = t;
	t->nested = -1;
	r = vhdx_pool_init(&t->pool, 4);
	for (i = 0; i < MAPS && !r; i++)
		r = vhdx_map_init(&t->map[i], &t->pool, MAP_PAGES);
	return r;
}

static void pages_exit(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u32 i;

	if (!t)
		return;
	for (i = 0; i < MAPS; i++)
		vhdx_map_exit(&t->map[i]);
	vhdx_pool_exit(&t->pool);
}

static void load(struct kunit *test, u32 map, u64 index)
{
	struct pages_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, vhdx_map_load(&t->map[map], index, fill, t), 0);
}

/* Looks without leaving a trace, unlike vhdx_map_find(). */
static bool resident(struct kunit *test, u32 map, u64 index)
{
	struct pages_test *t = test->priv;
	struct vhdx_leaf *leaf;
	bool found;

	rcu_read_lock();
	leaf = rcu_dereference(t->map[map].leaves[index / VHDX_LEAF_PAGES]);
	found = leaf &&
		rcu_access_pointer(leaf->page[index % VHDX_LEAF_PAGES]);
	rcu_read_unlock();
	return found;
}

static void touch(struct kunit *test, u32 map, u64 index)
{
	struct pages_test *t = test->priv;

	rcu_read_lock();
	KUNIT_EXPECT_NOT_NULL(test, vhdx_map_find(&t->map[map], index));
	rcu_read_unlock();
}

/* Of the pages 0 to 31 of a map those whose bit is set are resident. */
static void expect_resident(struct kunit *test, u32 map, u32 wanted)
{
	u32 have = 0;
	u32 i;

	for (i = 0; i < 32; i++)
		have |= (u32)resident(test, map, i) << i;
	KUNIT_EXPECT_EQ(test, have, wanted);
}

static void load_and_find(struct kunit *test)
{
	struct pages_test *t = test->priv;
	static const u64 indices[] = { 0, 63, 64, 199 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		struct vhdx_page *page;

		rcu_read_lock();
		KUNIT_EXPECT_NULL(test, vhdx_map_find(&t->map[0], indices[i]));
		rcu_read_unlock();
		load(test, 0, indices[i]);
		rcu_read_lock();
		page = vhdx_map_find(&t->map[0], indices[i]);
		KUNIT_EXPECT_NOT_NULL(test, page);
		if (page) {
			const u8 *data = page->data;

			KUNIT_EXPECT_EQ(test, page->index, indices[i]);
			KUNIT_EXPECT_EQ(test, data[0], indices[i] + 1);
			KUNIT_EXPECT_EQ(test, data[VHDX_PAGE - 1],
					indices[i] + 1);
		}
		KUNIT_EXPECT_NULL(test, vhdx_map_find(&t->map[1], indices[i]));
		rcu_read_unlock();
	}
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 4);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 0);
}

/* What a fill marks is what a reader sees, and a new page starts unmarked. */
static void load_faulty(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u64 i;
	u32 bit;

	for (i = 0; i < 40; i++) {
		struct vhdx_page *page;

		load(test, 0, i);
		rcu_read_lock();
		page = vhdx_map_find(&t->map[0], i);
		for (bit = 0; page && bit < VHDX_BAT_ENTRIES_PER_PAGE; bit++)
			if (test_bit(bit, page->faulty) !=
			    (i % 3 == 0 && bit == i))
				KUNIT_FAIL(test, "page %llu, bit %u", i, bit);
		rcu_read_unlock();
	}
}

static void load_again(struct kunit *test)
{
	struct pages_test *t = test->priv;

	load(test, 0, 7);
	load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 1);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
}

static void load_error(struct kunit *test)
{
	struct pages_test *t = test->priv;

	t->error = -EIO;
	KUNIT_EXPECT_EQ(test, vhdx_map_load(&t->map[0], 7, fill, t), -EIO);
	KUNIT_EXPECT_FALSE(test, resident(test, 0, 7));
	KUNIT_EXPECT_EQ(test, t->pool.resident, 0);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 0);
	/* And it can be tried again. */
	t->error = 0;
	load(test, 0, 7);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 7));
}

/* While a page is read another load of it finishes: the first one wins. */
static void load_race(struct kunit *test)
{
	struct pages_test *t = test->priv;

	t->nested = 7;
	load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 2);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 7));
}

/* Likewise, but the other load brings in a neighbour, and with it the leaf. */
static void load_race_for_leaf(struct kunit *test)
{
	struct pages_test *t = test->priv;

	t->nested = 8;
	load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 2);
	expect_resident(test, 0, 1 << 7 | 1 << 8);
}

static void bound_is_kept(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u64 i;

	for (i = 0; i < MAP_PAGES; i++) {
		load(test, i % 2, i);
		KUNIT_EXPECT_LE(test, t->pool.resident, 4);
		KUNIT_EXPECT_TRUE(test, resident(test, i % 2, i));
	}
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_EQ(test, t->pool.loads, MAP_PAGES);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, MAP_PAGES - 4);
}

/*
 * The hand passes a page that was used since it came by last, once; what was
 * not used goes.
 */
static void clock_second_chance(struct kunit *test)
{
	u64 i;

	for (i = 0; i < 4; i++)
		load(test, 0, i);
	/* All are new, hence used: one round clears them, then 0 goes. */
	load(test, 0, 4);
	expect_resident(test, 0, 0x1E);
	/* Now 1 to 4 are unused, in this order; 1 and 3 are used again. */
	touch(test, 0, 1);
	touch(test, 0, 3);
	load(test, 0, 5);
	expect_resident(test, 0, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5);
	/* 3 is next, and passed; 4 goes. Then 5, new, is passed; 1 goes. */
	load(test, 0, 6);
	expect_resident(test, 0, 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6);
	load(test, 0, 7);
	expect_resident(test, 0, 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7);
}

/*
 * Under the spinlock the hand must not go round a pool of thousands of pages:
 * it passes 32, and takes the one after them even if it was used.
 */
static void clock_bounded_walk(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u64 i;

	vhdx_pool_set_limit(&t->pool, 100);
	for (i = 0; i < 101; i++)
		load(test, 0, i);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 100);
	for (i = 0; i < 101; i++)
		KUNIT_EXPECT_EQ(test, resident(test, 0, i), i != 32);
}

static void limit_is_raised(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_pool pool = {};

	vhdx_pool_set_limit(&t->pool, 0);
	KUNIT_EXPECT_EQ(test, t->pool.limit, VHDX_POOL_RESERVE);
	KUNIT_EXPECT_EQ(test, vhdx_pool_init(&pool, 1), 0);
	KUNIT_EXPECT_EQ(test, pool.limit, VHDX_POOL_RESERVE);
	vhdx_pool_exit(&pool);
	KUNIT_EXPECT_EQ(test, vhdx_pool_init(&pool, 77), 0);
	KUNIT_EXPECT_EQ(test, pool.limit, 77);
	vhdx_pool_exit(&pool);
}

static void limit_changes(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u64 i;

	vhdx_pool_set_limit(&t->pool, 20);
	for (i = 0; i < 30; i++)
		load(test, 0, i);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 20);
	vhdx_pool_set_limit(&t->pool, 6);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 24);
	load(test, 0, 31);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
}

static void shrink_counts(struct kunit *test)
{
	struct pages_test *t = test->priv;
	u64 i;

	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 0);
	vhdx_pool_set_limit(&t->pool, 20);
	for (i = 0; i < 12; i++)
		load(test, i % 2, i);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 5), 5);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 7);
	/* Below the reserve too: it is memory that others need. */
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 100), 7);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 0);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 12);
	expect_resident(test, 0, 0);
	expect_resident(test, 1, 0);
	load(test, 0, 3);
	expect_resident(test, 0, 1 << 3);
}

/* The directory's leaves go with their last page, and not before. */
static void leaf_is_freed(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page_map *map = &t->map[0];

	load(test, 0, 5);
	load(test, 0, 64);
	load(test, 0, 65);
	KUNIT_EXPECT_TRUE(test, rcu_access_pointer(map->leaves[0]));
	/* 5 is the oldest, then 64. */
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(map->leaves[0]));
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_TRUE(test, rcu_access_pointer(map->leaves[1]));
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 65));
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(map->leaves[1]));
	load(test, 0, 5);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 5));
}

/* A map that ends leaves the other one's pages alone. */
static void exit_one_map(struct kunit *test)
{
	struct pages_test *t = test->priv;

	load(test, 0, 1);
	load(test, 1, 2);
	load(test, 0, 3);
	vhdx_map_exit(&t->map[0]);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	expect_resident(test, 1, 1 << 2);
	/* Twice does no harm. */
	vhdx_map_exit(&t->map[0]);
}

static const u64 map_sizes[] = { 1, 63, 64, 65, 131104 };

static void map_size_name(const u64 *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%llu pages", *size);
}

KUNIT_ARRAY_PARAM(map_size, map_sizes, map_size_name);

/* The first and the last page of a map can be used. */
static void map_edges(struct kunit *test)
{
	const u64 *size = test->param_value;
	struct pages_test *t = test->priv;
	struct vhdx_page_map *map = &t->map[0];

	vhdx_map_exit(map);
	KUNIT_ASSERT_EQ(test, vhdx_map_init(map, &t->pool, *size), 0);
	KUNIT_EXPECT_EQ(test, map->count, *size);
	load(test, 0, 0);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 0));
	KUNIT_EXPECT_EQ(test, vhdx_map_load(map, *size - 1, fill, t), 0);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, *size - 1));
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(load_and_find),
	KUNIT_CASE(load_faulty),
	KUNIT_CASE(load_again),
	KUNIT_CASE(load_error),
	KUNIT_CASE(load_race),
	KUNIT_CASE(load_race_for_leaf),
	KUNIT_CASE(bound_is_kept),
	KUNIT_CASE(clock_second_chance),
	KUNIT_CASE(clock_bounded_walk),
	KUNIT_CASE(limit_is_raised),
	KUNIT_CASE(limit_changes),
	KUNIT_CASE(shrink_counts),
	KUNIT_CASE(leaf_is_freed),
	KUNIT_CASE(exit_one_map),
	KUNIT_CASE_PARAM(map_edges, map_size_gen_params),
	{}
};

struct kunit_suite vhdx_pages_suite = {
	.name = "vhdx_pages",
	.init = pages_init,
	.exit = pages_exit,
	.test_cases = pages_cases,
};
