// SPDX-License-Identifier: GPL-2.0-only
#include "pages-rig.h"

/**
 * pages_rig_fill() - what page is at an index
 * @context: the rig
 * @index: of the page; every third one has a fault
 * @page: gets a byte, all over, that tells the index and the version
 *
 * Return: 0, or the error that the rig is told to return.
 */
int pages_rig_fill(void *context, u64 index, struct vhdx_page *page)
{
	struct pages_rig *t = context;
	void (*meanwhile)(struct kunit *test) = t->meanwhile;
	int nested = t->nested;

	t->fills++;
	t->nested = -1;
	t->meanwhile = NULL;
	if (nested >= 0)
		vhdx_page_map_load(page->map, nested, pages_rig_fill, t);
	memset(page->data, index + 1 + t->version, VHDX_PAGE);
	if (meanwhile || t->version)
		__set_bit(500 + t->version, page->faulty);
	if (meanwhile)
		meanwhile(t->test);
	if (index % 3 == 0)
		__set_bit(index % VHDX_BAT_ENTRIES_PER_PAGE, page->faulty);
	return t->error;
}

/**
 * pages_rig_init() - a suite's init
 * @test: gets a rig
 */
int pages_rig_init(struct kunit *test)
{
	struct pages_rig *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	u32 i;
	int r;

	if (!t)
		return -ENOMEM;
	test->priv = t;
	t->nested = -1;
	r = vhdx_pool_init(&t->pool, 4);
	for (i = 0; i < PAGES_RIG_MAPS && !r; i++)
		r = vhdx_page_map_init(&t->map[i], &t->pool, PAGES_RIG_PAGES);
	return r;
}

/**
 * pages_rig_exit() - a suite's exit
 * @test: whose rig to take down
 */
void pages_rig_exit(struct kunit *test)
{
	struct pages_rig *t = test->priv;
	u32 i;

	if (!t)
		return;
	for (i = 0; i < PAGES_RIG_MAPS; i++)
		vhdx_page_map_exit(&t->map[i]);
	vhdx_pool_exit(&t->pool);
}

/**
 * pages_rig_load() - load a page, which must succeed
 * @test: the test
 * @map: number of the map
 * @index: of the page
 */
void pages_rig_load(struct kunit *test, u32 map, u64 index)
{
	struct pages_rig *t = test->priv;

	KUNIT_EXPECT_EQ(test,
			vhdx_page_map_load(&t->map[map], index, pages_rig_fill,
					   t), 0);
}

/**
 * pages_rig_resident() - is a page there?
 * @test: the test
 * @map: number of the map
 * @index: of the page, which does not count as used by this
 */
bool pages_rig_resident(struct kunit *test, u32 map, u64 index)
{
	struct pages_rig *t = test->priv;
	struct vhdx_leaf *leaf;
	bool found;

	rcu_read_lock();
	leaf = rcu_dereference(t->map[map].leaves[index / VHDX_LEAF_PAGES]);
	found = leaf &&
		rcu_access_pointer(leaf->page[index % VHDX_LEAF_PAGES]);
	rcu_read_unlock();
	return found;
}

/**
 * pages_rig_touch() - use a page, which must be there
 * @test: the test
 * @map: number of the map
 * @index: of the page
 */
void pages_rig_touch(struct kunit *test, u32 map, u64 index)
{
	struct pages_rig *t = test->priv;

	rcu_read_lock();
	KUNIT_EXPECT_NOT_NULL(test, vhdx_page_map_find(&t->map[map], index));
	rcu_read_unlock();
}

/**
 * pages_rig_expect() - these are there, of the first ones
 * @test: the test
 * @map: number of the map
 * @wanted: a bit for each of the pages 0 to 31
 */
void pages_rig_expect(struct kunit *test, u32 map, u32 wanted)
{
	u32 have = 0;
	u32 i;

	for (i = 0; i < 32; i++)
		have |= (u32)pages_rig_resident(test, map, i) << i;
	KUNIT_EXPECT_EQ(test, have, wanted);
}
