// SPDX-License-Identifier: GPL-2.0-only
/* engine/pages.c: metadata pages, their bound, and which of them go first. */
#include "pages-rig.h"
#include "suites.h"

static void load_and_find(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	static const u64 indices[] = { 0, 63, 64, 199 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		struct vhdx_page *page;

		rcu_read_lock();
		KUNIT_EXPECT_NULL(test,
				  vhdx_page_map_find(&t->map[0], indices[i]));
		rcu_read_unlock();
		pages_rig_load(test, 0, indices[i]);
		rcu_read_lock();
		page = vhdx_page_map_find(&t->map[0], indices[i]);
		KUNIT_EXPECT_NOT_NULL(test, page);
		if (page) {
			const u8 *data = page->data;

			KUNIT_EXPECT_EQ(test, page->index, indices[i]);
			KUNIT_EXPECT_EQ(test, data[0], indices[i] + 1);
			KUNIT_EXPECT_EQ(test, data[VHDX_PAGE - 1],
					indices[i] + 1);
		}
		KUNIT_EXPECT_NULL(test,
				  vhdx_page_map_find(&t->map[1], indices[i]));
		rcu_read_unlock();
	}
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 4);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 0);
}

/* What a fill marks is what a reader sees, and a new page starts unmarked. */
static void load_faulty(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	u64 i;
	u32 bit;

	for (i = 0; i < 40; i++) {
		struct vhdx_page *page;

		pages_rig_load(test, 0, i);
		rcu_read_lock();
		page = vhdx_page_map_find(&t->map[0], i);
		for (bit = 0; page && bit < VHDX_BAT_ENTRIES_PER_PAGE; bit++)
			if (test_bit(bit, page->faulty) !=
			    (i % 3 == 0 && bit == i))
				KUNIT_FAIL(test, "page %llu, bit %u", i, bit);
		rcu_read_unlock();
	}
}

static void load_again(struct kunit *test)
{
	struct pages_rig *t = test->priv;

	pages_rig_load(test, 0, 7);
	pages_rig_load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 1);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
}

static void load_error(struct kunit *test)
{
	struct pages_rig *t = test->priv;

	t->error = -EIO;
	KUNIT_EXPECT_EQ(test,
			vhdx_page_map_load(&t->map[0], 7, pages_rig_fill, t),
			-EIO);
	KUNIT_EXPECT_FALSE(test, pages_rig_resident(test, 0, 7));
	KUNIT_EXPECT_EQ(test, t->pool.resident, 0);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 0);
	/* And it can be tried again. */
	t->error = 0;
	pages_rig_load(test, 0, 7);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 7));
}

/* While a page is read another load of it finishes: the first one wins. */
static void load_race(struct kunit *test)
{
	struct pages_rig *t = test->priv;

	t->nested = 7;
	pages_rig_load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 2);
	KUNIT_EXPECT_EQ(test, t->pool.loads, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 7));
}

/* Likewise, but the other load brings in a neighbour, and with it the leaf. */
static void load_race_for_leaf(struct kunit *test)
{
	struct pages_rig *t = test->priv;

	t->nested = 8;
	pages_rig_load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 2);
	pages_rig_expect(test, 0, 1 << 7 | 1 << 8);
}

static void bound_is_kept(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	u64 i;

	for (i = 0; i < PAGES_RIG_PAGES; i++) {
		pages_rig_load(test, i % 2, i);
		KUNIT_EXPECT_LE(test, t->pool.resident, 4);
		KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, i % 2, i));
	}
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_EQ(test, t->pool.loads, PAGES_RIG_PAGES);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, PAGES_RIG_PAGES - 4);
}

/*
 * The hand passes a page that was used since it came by last, once; what was
 * not used goes.
 */
static void clock_second_chance(struct kunit *test)
{
	u64 i;

	for (i = 0; i < 4; i++)
		pages_rig_load(test, 0, i);
	/* All are new, hence used: one round clears them, then 0 goes. */
	pages_rig_load(test, 0, 4);
	pages_rig_expect(test, 0, 0x1E);
	/* Now 1 to 4 are unused, in this order; 1 and 3 are used again. */
	pages_rig_touch(test, 0, 1);
	pages_rig_touch(test, 0, 3);
	pages_rig_load(test, 0, 5);
	pages_rig_expect(test, 0, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5);
	/* 3 is next, and passed; 4 goes. Then 5, new, is passed; 1 goes. */
	pages_rig_load(test, 0, 6);
	pages_rig_expect(test, 0, 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6);
	pages_rig_load(test, 0, 7);
	pages_rig_expect(test, 0, 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7);
}

/*
 * Under the spinlock the hand must not go round a pool of thousands of pages:
 * it passes 32, and takes the one after them even if it was used.
 */
static void clock_bounded_walk(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	u64 i;

	vhdx_pool_set_limit(&t->pool, 100);
	for (i = 0; i < 101; i++)
		pages_rig_load(test, 0, i);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 100);
	for (i = 0; i < 101; i++)
		KUNIT_EXPECT_EQ(test, pages_rig_resident(test, 0, i), i != 32);
}

static void limit_is_raised(struct kunit *test)
{
	struct pages_rig *t = test->priv;
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
	struct pages_rig *t = test->priv;
	u64 i;

	vhdx_pool_set_limit(&t->pool, 20);
	for (i = 0; i < 30; i++)
		pages_rig_load(test, 0, i);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 20);
	vhdx_pool_set_limit(&t->pool, 6);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 24);
	pages_rig_load(test, 0, 31);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
}

static void shrink_counts(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	u64 i;

	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 0);
	vhdx_pool_set_limit(&t->pool, 20);
	for (i = 0; i < 12; i++)
		pages_rig_load(test, i % 2, i);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 0), 0);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 5), 5);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 7);
	/* Below the reserve too: it is memory that others need. */
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 100), 7);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 0);
	KUNIT_EXPECT_EQ(test, t->pool.evictions, 12);
	pages_rig_expect(test, 0, 0);
	pages_rig_expect(test, 1, 0);
	pages_rig_load(test, 0, 3);
	pages_rig_expect(test, 0, 1 << 3);
}

/* The directory's leaves go with their last page, and not before. */
static void leaf_is_freed(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	struct vhdx_page_map *map = &t->map[0];

	pages_rig_load(test, 0, 5);
	pages_rig_load(test, 0, 64);
	pages_rig_load(test, 0, 65);
	KUNIT_EXPECT_TRUE(test, rcu_access_pointer(map->leaves[0]));
	/* 5 is the oldest, then 64. */
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(map->leaves[0]));
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_TRUE(test, rcu_access_pointer(map->leaves[1]));
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 65));
	vhdx_pool_shrink(&t->pool, 1);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(map->leaves[1]));
	pages_rig_load(test, 0, 5);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 5));
}

/* A map that ends leaves the other one's pages alone. */
static void exit_one_map(struct kunit *test)
{
	struct pages_rig *t = test->priv;

	pages_rig_load(test, 0, 1);
	pages_rig_load(test, 1, 2);
	pages_rig_load(test, 0, 3);
	vhdx_page_map_exit(&t->map[0]);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	pages_rig_expect(test, 1, 1 << 2);
	/* Twice does no harm. */
	vhdx_page_map_exit(&t->map[0]);
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
	struct pages_rig *t = test->priv;
	struct vhdx_page_map *map = &t->map[0];

	vhdx_page_map_exit(map);
	KUNIT_ASSERT_EQ(test, vhdx_page_map_init(map, &t->pool, *size), 0);
	KUNIT_EXPECT_EQ(test, map->count, *size);
	pages_rig_load(test, 0, 0);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 0));
	KUNIT_EXPECT_EQ(test,
			vhdx_page_map_load(map, *size - 1, pages_rig_fill, t),
			0);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, *size - 1));
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
	.init = pages_rig_init,
	.exit = pages_rig_exit,
	.test_cases = pages_cases,
};
