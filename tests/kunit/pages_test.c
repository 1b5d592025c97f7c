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
 * @version: of all pages on disk; added to what they are filled with
 * @meanwhile: what happens between the next fill's read and its end, or NULL
 * @evict: it gives up the page, too
 * @test: for it
 */
struct pages_test {
	struct vhdx_pool pool;
	struct vhdx_page_map map[MAPS];
	u32 fills;
	int error;
	int nested;
	u8 version;
	void (*meanwhile)(struct kunit *test);
	bool evict;
	struct kunit *test;
};

static int fill(void *context, u64 index, struct vhdx_page *page)
{
	struct pages_test *t = context;
	void (*meanwhile)(struct kunit *test) = t->meanwhile;
	int nested = t->nested;

	t->fills++;
	t->nested = -1;
	t->meanwhile = NULL;
	if (nested >= 0)
		vhdx_map_load(page->map, nested, fill, t);
	memset(page->data, index + 1 + t->version, VHDX_PAGE);
	if (meanwhile || t->version)
		__set_bit(500 + t->version, page->faulty);
	if (meanwhile)
		meanwhile(t->test);
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

/* What a session does with a page that it changes, and writes later. */
static struct vhdx_page *pin(struct kunit *test, u32 map, u64 index,
			     struct list_head *list)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;

	load(test, map, index);
	spin_lock(&t->pool.lock);
	page = vhdx_map_find(&t->map[map], index);
	if (page) {
		vhdx_page_pin(page, list);
		page->changed = true;
	}
	spin_unlock(&t->pool.lock);
	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

static void unpin(struct kunit *test, struct vhdx_page *page)
{
	struct pages_test *t = test->priv;

	spin_lock(&t->pool.lock);
	vhdx_page_unpin(page);
	spin_unlock(&t->pool.lock);
}

/* A pinned page stays, whatever asks for its memory; then it may go. */
static void pin_keeps(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;
	LIST_HEAD(list);

	page = pin(test, 0, 3, &list);
	KUNIT_EXPECT_PTR_EQ(test, list.next, &page->list);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 1);
	load(test, 0, 4);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 1);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 0);
	expect_resident(test, 0, 1 << 3);
	unpin(test, page);
	KUNIT_EXPECT_TRUE(test, list_empty(&list));
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 0);
	KUNIT_EXPECT_FALSE(test, page->changed);
	KUNIT_EXPECT_FALSE(test, page->logged);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 1);
	expect_resident(test, 0, 0);
}

/* Logged, and changed again, and moved from list to list: pinned once. */
static void pin_twice(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;
	LIST_HEAD(changed);
	LIST_HEAD(logged);

	page = pin(test, 0, 3, &changed);
	spin_lock(&t->pool.lock);
	page->logged = true;
	vhdx_page_pin(page, &logged);
	page->changed = false;
	spin_unlock(&t->pool.lock);
	KUNIT_EXPECT_TRUE(test, list_empty(&changed));
	KUNIT_EXPECT_PTR_EQ(test, logged.next, &page->list);
	pin(test, 0, 3, &changed);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&logged));
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 0);
	unpin(test, page);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 0);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
}

/* The limit is one on the pages that can be given up. */
static void pin_and_limit(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page[6];
	LIST_HEAD(list);
	u64 i;

	for (i = 0; i < 6; i++)
		page[i] = pin(test, 0, i, &list);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
	for (i = 10; i < 20; i++) {
		load(test, 0, i);
		KUNIT_EXPECT_LE(test, t->pool.resident, 6 + 4);
	}
	expect_resident(test, 0, 0x3F | 0xF0000);
	/* With a lower limit, too, and with one that all of them exceed. */
	vhdx_pool_set_limit(&t->pool, 5);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 4);
	load(test, 0, 20);
	load(test, 0, 21);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 5);
	vhdx_pool_set_limit(&t->pool, 4);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 4);
	/* Those that come back are too many: the next load sees to that. */
	for (i = 0; i < 6; i++)
		unpin(test, page[i]);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 10);
	load(test, 0, 30);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_TRUE(test, resident(test, 0, 30));
}

/* A map may end with pages in it that were never written. */
static void pin_and_exit(struct kunit *test)
{
	struct pages_test *t = test->priv;
	LIST_HEAD(list);

	pin(test, 0, 1, &list);
	pin(test, 0, 70, &list);
	pin(test, 1, 2, &list);
	vhdx_map_exit(&t->map[0]);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	vhdx_map_exit(&t->map[1]);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&list));
}

/*
 * While page 7 is being read, it is loaded elsewhere, changed, written to its
 * place and given up: what the slow read has found may be what was there
 * before.
 */
static void write_in_between(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;
	LIST_HEAD(list);

	t->version++;
	page = pin(test, 0, 7, &list);
	spin_lock(&t->pool.lock);
	t->pool.written++;
	vhdx_page_unpin(page);
	spin_unlock(&t->pool.lock);
	if (t->evict)
		vhdx_pool_shrink(&t->pool, 1);
}

/* Then it is read anew; faults that the first read found do not stay. */
static void load_stale(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;

	t->evict = true;
	t->meanwhile = write_in_between;
	t->test = test;
	load(test, 0, 7);
	/* The slow one, the other one, and the slow one again. */
	KUNIT_EXPECT_EQ(test, t->fills, 3);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	rcu_read_lock();
	page = vhdx_map_find(&t->map[0], 7);
	KUNIT_EXPECT_EQ(test, *(u8 *)page->data, 8 + 1);
	KUNIT_EXPECT_FALSE(test, test_bit(500, page->faulty));
	KUNIT_EXPECT_TRUE(test, test_bit(501, page->faulty));
	rcu_read_unlock();
}

/* If it is still in memory, that is the one to have. */
static void load_stale_resident(struct kunit *test)
{
	struct pages_test *t = test->priv;
	struct vhdx_page *page;

	t->meanwhile = write_in_between;
	t->test = test;
	load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 2);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	rcu_read_lock();
	page = vhdx_map_find(&t->map[0], 7);
	KUNIT_EXPECT_EQ(test, *(u8 *)page->data, 8 + 1);
	rcu_read_unlock();
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
	KUNIT_CASE(pin_keeps),
	KUNIT_CASE(pin_twice),
	KUNIT_CASE(pin_and_limit),
	KUNIT_CASE(pin_and_exit),
	KUNIT_CASE(load_stale),
	KUNIT_CASE(load_stale_resident),
	KUNIT_CASE_PARAM(map_edges, map_size_gen_params),
	{}
};

struct kunit_suite vhdx_pages_suite = {
	.name = "vhdx_pages",
	.init = pages_init,
	.exit = pages_exit,
	.test_cases = pages_cases,
};
