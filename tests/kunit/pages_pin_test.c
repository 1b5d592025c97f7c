// SPDX-License-Identifier: GPL-2.0-only
/* engine/pages.c: pages that were changed, and loads that race with that. */
#include "pages-rig.h"
#include "suites.h"

/* What a session does with a page that it changes, and writes later. */
static struct vhdx_page *pin(struct kunit *test, u32 map, u64 index,
			     struct list_head *list)
{
	struct pages_rig *t = test->priv;
	struct vhdx_page *page;

	pages_rig_load(test, map, index);
	spin_lock(&t->pool.lock);
	page = vhdx_page_map_find(&t->map[map], index);
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
	struct pages_rig *t = test->priv;

	spin_lock(&t->pool.lock);
	vhdx_page_unpin(page);
	spin_unlock(&t->pool.lock);
}

/* A pinned page stays, whatever asks for its memory; then it may go. */
static void pin_keeps(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	struct vhdx_page *page;
	LIST_HEAD(list);

	page = pin(test, 0, 3, &list);
	KUNIT_EXPECT_PTR_EQ(test, list.next, &page->list);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 1);
	pages_rig_load(test, 0, 4);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 1);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 0);
	pages_rig_expect(test, 0, 1 << 3);
	unpin(test, page);
	KUNIT_EXPECT_TRUE(test, list_empty(&list));
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 0);
	KUNIT_EXPECT_FALSE(test, page->changed);
	KUNIT_EXPECT_FALSE(test, page->logged);
	KUNIT_EXPECT_EQ(test, vhdx_pool_shrink(&t->pool, 10), 1);
	pages_rig_expect(test, 0, 0);
}

/* Logged, and changed again, and moved from list to list: pinned once. */
static void pin_twice(struct kunit *test)
{
	struct pages_rig *t = test->priv;
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
	struct pages_rig *t = test->priv;
	struct vhdx_page *page[6];
	LIST_HEAD(list);
	u64 i;

	for (i = 0; i < 6; i++)
		page[i] = pin(test, 0, i, &list);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6);
	for (i = 10; i < 20; i++) {
		pages_rig_load(test, 0, i);
		KUNIT_EXPECT_LE(test, t->pool.resident, 6 + 4);
	}
	pages_rig_expect(test, 0, 0x3F | 0xF0000);
	/* With a lower limit, too, and with one that all of them exceed. */
	vhdx_pool_set_limit(&t->pool, 5);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 4);
	pages_rig_load(test, 0, 20);
	pages_rig_load(test, 0, 21);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 5);
	vhdx_pool_set_limit(&t->pool, 4);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 6 + 4);
	/* Those that come back are too many: the next load sees to that. */
	for (i = 0; i < 6; i++)
		unpin(test, page[i]);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 10);
	pages_rig_load(test, 0, 30);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 4);
	KUNIT_EXPECT_TRUE(test, pages_rig_resident(test, 0, 30));
}

/* A map may end with pages in it that were never written. */
static void pin_and_exit(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	LIST_HEAD(list);

	pin(test, 0, 1, &list);
	pin(test, 0, 70, &list);
	pin(test, 1, 2, &list);
	vhdx_page_map_exit(&t->map[0]);
	KUNIT_EXPECT_EQ(test, t->pool.pinned, 1);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	vhdx_page_map_exit(&t->map[1]);
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
	struct pages_rig *t = test->priv;
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
	struct pages_rig *t = test->priv;
	struct vhdx_page *page;

	t->evict = true;
	t->meanwhile = write_in_between;
	t->test = test;
	pages_rig_load(test, 0, 7);
	/* The slow one, the other one, and the slow one again. */
	KUNIT_EXPECT_EQ(test, t->fills, 3);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	rcu_read_lock();
	page = vhdx_page_map_find(&t->map[0], 7);
	KUNIT_EXPECT_EQ(test, *(u8 *)page->data, 8 + 1);
	KUNIT_EXPECT_FALSE(test, test_bit(500, page->faulty));
	KUNIT_EXPECT_TRUE(test, test_bit(501, page->faulty));
	rcu_read_unlock();
}

/* If it is still in memory, that is the one to have. */
static void load_stale_resident(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	struct vhdx_page *page;

	t->meanwhile = write_in_between;
	t->test = test;
	pages_rig_load(test, 0, 7);
	KUNIT_EXPECT_EQ(test, t->fills, 2);
	KUNIT_EXPECT_EQ(test, t->pool.resident, 1);
	rcu_read_lock();
	page = vhdx_page_map_find(&t->map[0], 7);
	KUNIT_EXPECT_EQ(test, *(u8 *)page->data, 8 + 1);
	rcu_read_unlock();
}

static struct kunit_case pages_pin_cases[] = {
	KUNIT_CASE(pin_keeps),
	KUNIT_CASE(pin_twice),
	KUNIT_CASE(pin_and_limit),
	KUNIT_CASE(pin_and_exit),
	KUNIT_CASE(load_stale),
	KUNIT_CASE(load_stale_resident),
	{}
};

struct kunit_suite vhdx_pages_pin_suite = {
	.name = "vhdx_pages_pin",
	.init = pages_rig_init,
	.exit = pages_rig_exit,
	.test_cases = pages_pin_cases,
};
