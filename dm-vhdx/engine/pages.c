// SPDX-License-Identifier: GPL-2.0-only
#include "pages.h"

/* The clock takes a used page after it has passed this many of them. */
#define SECOND_CHANCES 32

/* Number of pages given up before the lock is dropped once. */
#define BATCH 1024UL

static void page_free(struct vhdx_pool *pool, struct vhdx_page *page)
{
	mempool_free(page->data, pool->buffers);
	mempool_free(page, pool->structs);
}

static void page_free_rcu(struct rcu_head *rcu)
{
	struct vhdx_page *page = container_of(rcu, struct vhdx_page, rcu);

	page_free(page->map->pool, page);
}

static void leaf_free_rcu(struct rcu_head *rcu)
{
	struct vhdx_leaf *leaf = container_of(rcu, struct vhdx_leaf, rcu);

	mempool_free(leaf, leaf->pool->leaf_structs);
}

static struct vhdx_leaf *leaf_of(const struct vhdx_page_map *map, u64 index)
{
	return rcu_dereference_protected(map->leaves[index >> VHDX_LEAF_SHIFT],
					 lockdep_is_held(&map->pool->lock));
}

static struct vhdx_page *page_of(const struct vhdx_page_map *map,
				 const struct vhdx_leaf *leaf, u32 slot)
{
	return rcu_dereference_protected(leaf->page[slot],
					 lockdep_is_held(&map->pool->lock));
}

/* Return the page's leaf if it is empty now, for the caller to free. */
static struct vhdx_leaf *unlink_page(struct vhdx_pool *pool,
				     struct vhdx_page *page)
{
	struct vhdx_page_map *map = page->map;
	struct vhdx_leaf *leaf = leaf_of(map, page->index);

	lockdep_assert_held(&pool->lock);
	RCU_INIT_POINTER(leaf->page[page->index & (VHDX_LEAF_PAGES - 1)], NULL);
	list_del(&page->list);
	pool->resident--;
	if (page->changed || page->logged)
		pool->pinned--;
	if (--leaf->live)
		return NULL;
	RCU_INIT_POINTER(map->leaves[page->index >> VHDX_LEAF_SHIFT], NULL);
	return leaf;
}

/* Readers may still use the page and the leaf, so RCU frees them. */
static void give_up_page(struct vhdx_pool *pool, struct vhdx_page *page)
{
	struct vhdx_leaf *leaf = unlink_page(pool, page);

	if (leaf)
		call_rcu(&leaf->rcu, leaf_free_rcu);
	call_rcu(&page->rcu, page_free_rcu);
}

/*
 * Evict the first page that was not used since the hand of the clock passed it.
 * Return false if all pages are in the journal.
 */
static bool evict_one(struct vhdx_pool *pool)
{
	struct vhdx_page *page;
	int chances = SECOND_CHANCES;

	lockdep_assert_held(&pool->lock);
	if (list_empty(&pool->clock))
		return false;
	for (;;) {
		page = list_first_entry(&pool->clock, struct vhdx_page, list);
		if (!READ_ONCE(page->used) || !chances--)
			break;
		WRITE_ONCE(page->used, false);
		list_move_tail(&page->list, &pool->clock);
	}
	give_up_page(pool, page);
	pool->evictions++;
	return true;
}

/**
 * vhdx_pool_shrink() - give up pages
 * @pool: the pool
 * @count: number of pages at most
 *
 * Context: process context; takes the pool's lock; called by the shrinker.
 * Return: number of pages; their memory is free after a grace period.
 */
unsigned long vhdx_pool_shrink(struct vhdx_pool *pool, unsigned long count)
{
	unsigned long done = 0;

	spin_lock(&pool->lock);
	while (done < count && evict_one(pool))
		done++;
	spin_unlock(&pool->lock);
	return done;
}

static void starve_pool(struct vhdx_pool *pool)
{
	WRITE_ONCE(pool->starved, true);
	if (pool->supply && READ_ONCE(pool->pinned))
		pool->supply->feed(pool->supply);
}

/*
 * When the allocator and the reserve are empty, evict our own pages, so that a
 * load succeeds however short memory is. If all of them are in the journal, a
 * checkpoint must release some.
 */
static void *alloc_or_evict(struct vhdx_pool *pool, mempool_t *from)
{
	void *p;

	for (;;) {
		p = mempool_alloc(from, GFP_NOWAIT | __GFP_NOWARN);
		if (p)
			return p;
		if (!vhdx_pool_shrink(pool, 1))
			starve_pool(pool);
		rcu_barrier();
	}
}

static struct vhdx_page *page_alloc(struct vhdx_page_map *map, u64 index)
{
	struct vhdx_pool *pool = map->pool;
	struct vhdx_page *page = alloc_or_evict(pool, pool->structs);

	memset(page, 0, sizeof(*page));
	page->data = alloc_or_evict(pool, pool->buffers);
	page->map = map;
	page->index = index;
	page->used = true;
	return page;
}

static struct vhdx_leaf *leaf_alloc(struct vhdx_pool *pool)
{
	struct vhdx_leaf *leaf = alloc_or_evict(pool, pool->leaf_structs);

	memset(leaf, 0, sizeof(*leaf));
	leaf->pool = pool;
	return leaf;
}

enum insertion {
	INSERTED,
	LOST_RACE,	/* another load was faster */
	STALE,		/* what was read may be older than what was written */
	NO_LEAF,	/* the directory lacks the leaf, and there was no spare */
};

/*
 * Insert @page into its map. A resident page is newer than any read of the
 * file. A page that is not resident may have been written to its place and
 * evicted since the read began.
 */
static enum insertion try_insert(struct vhdx_page *page,
				 struct vhdx_leaf **spare, u64 written)
{
	struct vhdx_page_map *map = page->map;
	struct vhdx_leaf *leaf = leaf_of(map, page->index);
	u32 slot = page->index & (VHDX_LEAF_PAGES - 1);

	lockdep_assert_held(&map->pool->lock);
	if (leaf && rcu_access_pointer(leaf->page[slot]))
		return LOST_RACE;
	if (map->pool->written != written)
		return STALE;
	if (!leaf) {
		if (!*spare)
			return NO_LEAF;
		leaf = *spare;
		*spare = NULL;
		rcu_assign_pointer(map->leaves[page->index >> VHDX_LEAF_SHIFT],
				   leaf);
	}
	rcu_assign_pointer(leaf->page[slot], page);
	leaf->live++;
	list_add_tail(&page->list, &map->pool->clock);
	map->pool->resident++;
	map->pool->loads++;
	return INSERTED;
}

static enum insertion insert_page(struct vhdx_page *page, u64 written)
{
	struct vhdx_pool *pool = page->map->pool;
	struct vhdx_leaf *spare = NULL;
	enum insertion result;

	spin_lock(&pool->lock);
	while ((result = try_insert(page, &spare, written)) == NO_LEAF) {
		spin_unlock(&pool->lock);
		spare = leaf_alloc(pool);
		spin_lock(&pool->lock);
	}
	while (pool->resident - pool->pinned > READ_ONCE(pool->limit))
		evict_one(pool);
	spin_unlock(&pool->lock);
	if (spare)
		mempool_free(spare, pool->leaf_structs);
	return result;
}

static bool is_resident(const struct vhdx_page_map *map, u64 index)
{
	bool found;

	rcu_read_lock();
	found = vhdx_page_map_find(map, index);
	rcu_read_unlock();
	return found;
}

/**
 * vhdx_page_map_load() - load a page
 * @map: the map
 * @index: index of the page, below the map's count
 * @fill: reads and checks the page
 * @context: for @fill
 *
 * If memory is short, the page may be evicted before this returns. The caller
 * repeats the lookup, and the load if necessary.
 *
 * Context: may sleep; no lock held. Does not start I/O to get memory.
 * Return: 0, or what @fill returned.
 */
int vhdx_page_map_load(struct vhdx_page_map *map, u64 index, vhdx_fill_t fill,
		       void *context)
{
	enum insertion result = LOST_RACE;
	struct vhdx_page *page;
	u64 written;
	int r;

	if (is_resident(map, index))
		return 0;
	page = page_alloc(map, index);
	do {
		spin_lock(&map->pool->lock);
		written = map->pool->written;
		spin_unlock(&map->pool->lock);
		memset(page->faulty, 0, sizeof(page->faulty));
		r = fill(context, index, page);
		if (!r)
			result = insert_page(page, written);
	} while (!r && result == STALE);
	if (r || result != INSERTED)
		page_free(map->pool, page);
	return r;
}

/**
 * vhdx_page_pin() - keep a page in memory
 * @page: a resident page; may be pinned already
 * @list: list of the caller, to whose end the page is moved
 *
 * The caller then sets page->changed or page->logged.
 *
 * Context: under the pool's lock.
 */
void vhdx_page_pin(struct vhdx_page *page, struct list_head *list)
{
	struct vhdx_pool *pool = page->map->pool;

	lockdep_assert_held(&pool->lock);
	if (!page->changed && !page->logged)
		pool->pinned++;
	list_move_tail(&page->list, list);
}

/**
 * vhdx_page_unpin() - allow a page to be evicted
 * @page: a pinned page, which is in its place in the file
 *
 * Context: under the pool's lock.
 */
void vhdx_page_unpin(struct vhdx_page *page)
{
	struct vhdx_pool *pool = page->map->pool;

	lockdep_assert_held(&pool->lock);
	page->changed = false;
	page->logged = false;
	pool->pinned--;
	list_move_tail(&page->list, &pool->clock);
}

/**
 * vhdx_page_map_init() - set up an empty map
 * @map: the map
 * @pool: bounds the pages of the map; outlives it
 * @count: pages in the array
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_page_map_init(struct vhdx_page_map *map, struct vhdx_pool *pool,
		       u64 count)
{
	u64 leaves = DIV_ROUND_UP_ULL(count, VHDX_LEAF_PAGES);

	map->leaves = kvcalloc(leaves, sizeof(*map->leaves), GFP_KERNEL);
	if (!map->leaves)
		return -ENOMEM;
	map->pool = pool;
	map->count = count;
	return 0;
}

/* Free the pages of a leaf, and the leaf with its last page. */
static void drop_leaf(struct vhdx_page_map *map, u64 number)
{
	u64 first = number << VHDX_LEAF_SHIFT;
	struct vhdx_leaf *leaf;
	u32 i;

	spin_lock(&map->pool->lock);
	leaf = leaf_of(map, first);
	for (i = 0; leaf && i < VHDX_LEAF_PAGES; i++) {
		struct vhdx_page *page = page_of(map, leaf, i);
		struct vhdx_leaf *empty;

		if (!page)
			continue;
		empty = unlink_page(map->pool, page);
		page_free(map->pool, page);
		if (!empty)
			continue;
		mempool_free(empty, map->pool->leaf_structs);
		break;
	}
	spin_unlock(&map->pool->lock);
}

/**
 * vhdx_page_map_exit() - drop all pages of a map
 * @map: that nobody reads any more, for a grace period of RCU; or zeroed
 *
 * Context: may sleep.
 */
void vhdx_page_map_exit(struct vhdx_page_map *map)
{
	u64 leaves = DIV_ROUND_UP_ULL(map->count, VHDX_LEAF_PAGES);
	u64 i;

	if (!map->leaves)
		return;
	for (i = 0; i < leaves; i++) {
		drop_leaf(map, i);
		cond_resched();
	}
	kvfree(map->leaves);
	map->leaves = NULL;
}

/**
 * vhdx_pool_set_limit() - change how many pages there may be
 * @pool: the pool
 * @limit: in pages; raised to @pool->least
 *
 * Context: may sleep.
 */
void vhdx_pool_set_limit(struct vhdx_pool *pool, unsigned long limit)
{
	unsigned long excess;

	limit = max(limit, pool->least);
	WRITE_ONCE(pool->limit, limit);
	/* In batches: a cache may have millions of pages. */
	do {
		spin_lock(&pool->lock);
		excess = pool->resident - pool->pinned;
		spin_unlock(&pool->lock);
		excess = excess > limit ? min(excess - limit, BATCH) : 0;
		vhdx_pool_shrink(pool, excess);
		cond_resched();
	} while (excess);
}

/**
 * vhdx_pool_need() - raise the lowest limit
 * @pool: the pool
 * @pages: number of pages that one operation needs at the same time
 *
 * Context: process context, where nobody else changes the limit.
 */
void vhdx_pool_need(struct vhdx_pool *pool, unsigned long pages)
{
	pool->least = max(pool->least, pages);
	WRITE_ONCE(pool->limit, max(pool->limit, pool->least));
}

/**
 * vhdx_pool_init() - set up a pool
 * @pool: the pool; the caller ends it with vhdx_pool_exit(), also after a
 *	failure
 * @limit: in pages; raised to VHDX_POOL_RESERVE
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_pool_init(struct vhdx_pool *pool, unsigned long limit)
{
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->clock);
	pool->least = VHDX_POOL_RESERVE;
	pool->limit = max(limit, pool->least);
	pool->structs = mempool_create_kmalloc_pool(VHDX_POOL_RESERVE,
						    sizeof(struct vhdx_page));
	pool->buffers =
		mempool_create_kmalloc_pool(VHDX_POOL_RESERVE, VHDX_PAGE);
	pool->leaf_structs = mempool_create_kmalloc_pool(VHDX_POOL_RESERVE,
							 sizeof(struct vhdx_leaf));
	if (!pool->structs || !pool->buffers || !pool->leaf_structs)
		return -ENOMEM;
	return 0;
}

/**
 * vhdx_pool_exit() - end a pool
 * @pool: whose maps have ended; or zeroed
 *
 * RCU may not have freed evicted pages yet. Most pools never evict, so the
 * images of a chain do not each wait for a grace period.
 *
 * Context: may sleep.
 */
void vhdx_pool_exit(struct vhdx_pool *pool)
{
	if (pool->evictions)
		rcu_barrier();
	mempool_destroy(pool->structs);
	mempool_destroy(pool->buffers);
	mempool_destroy(pool->leaf_structs);
	memset(pool, 0, sizeof(*pool));
}
