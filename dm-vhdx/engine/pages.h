/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metadata pages in memory: loaded on demand, looked up without a lock,
 * bounded in number.
 *
 * A map holds the 4 KiB pages of one array (the BAT, or the sector bitmaps) by
 * index. A pool bounds the number of pages in the maps that share it. Readers
 * run under RCU and may use a page until they leave the read-side critical
 * section. A load does its I/O without a lock. If two loads of one page race,
 * the first one wins. Eviction takes the page that was unused longest, by
 * CLOCK. It never takes a page that was changed and is not yet in place on
 * disk.
 *
 * pages.c APIs:
 *   vhdx_pool_init()		make a pool with a limit
 *   vhdx_pool_exit()
 *   vhdx_pool_set_limit()	change the limit
 *   vhdx_pool_need()		raise the lowest limit
 *   vhdx_pool_shrink()		evict pages, for the shrinker
 *   vhdx_page_map_init()	make an empty map
 *   vhdx_page_map_exit()	drop all its pages
 *   vhdx_page_map_load()	load a page
 *   vhdx_page_pin()		keep a page in memory, on a list of the caller
 *   vhdx_page_unpin()		make a page evictable: it is in place
 * pages.h APIs:
 *   vhdx_page_map_find()	look a page up
 */
#ifndef VHDX_PAGES_H
#define VHDX_PAGES_H

#include "format.h"

#define VHDX_LEAF_SHIFT		6
#define VHDX_LEAF_PAGES		64U
static_assert(VHDX_LEAF_PAGES == 1 << VHDX_LEAF_SHIFT);

/* Mempool reserve, so that a load succeeds when memory is short. */
#define VHDX_POOL_RESERVE	4

/**
 * struct vhdx_page - one page of metadata
 * @data: its 4 KiB, in on-disk format
 * @faulty: one bit for each BAT entry that failed its checks
 * @used: set by lookups, cleared by the clock's hand
 * @changed: the open transaction changes the page
 * @logged: a replay needs the last log entry that holds the page
 * @log_offset: offset of that entry from the start of the log, in bytes
 * @map: the map that holds the page
 * @index: its index in @map
 * @pos: byte offset of the page in the file
 * @list: entry in the pool's clock, in the hand's order, or in a journal list;
 *	a page in the journal is not evictable until it is in place
 * @rcu: frees the page after the last reader has left
 */
struct vhdx_page {
	void *data;
	unsigned long faulty[BITS_TO_LONGS(VHDX_BAT_ENTRIES_PER_PAGE)];
	bool used;
	bool changed;
	bool logged;
	u32 log_offset;
	struct vhdx_page_map *map;
	u64 index;
	u64 pos;
	struct list_head list;
	struct rcu_head rcu;
};

/**
 * struct vhdx_leaf - part of a map's directory, freed with its last page
 * @page: the pages; NULL where not resident
 * @live: number of resident pages
 * @pool: the pool that the leaf was allocated from
 * @rcu: frees the leaf after the last reader has left
 */
struct vhdx_leaf {
	struct vhdx_page __rcu *page[VHDX_LEAF_PAGES];
	unsigned int live;
	struct vhdx_pool *pool;
	struct rcu_head rcu;
};

/**
 * struct vhdx_supply - frees pages of the journal on request
 * @feed: write pages of the journal in place; a load calls this repeatedly
 *	while it waits for them. The caller may sleep, and holds no lock.
 */
struct vhdx_supply {
	void (*feed)(struct vhdx_supply *supply);
};

/**
 * struct vhdx_pool - the pages of one image, and their bound
 * @lock: guards the clock, the counts, changes to the maps, and a session
 *	except its I/O
 * @clock: evictable resident pages; the hand is at the head
 * @resident: number of resident pages, including those in the journal
 * @pinned: number of resident pages that are in the journal
 * @limit: maximum number of resident pages outside the journal, at least @least
 * @least: how many pages a user of the pool needs at the same time, and no less
 *	than VHDX_POOL_RESERVE
 * @written: number of pages written in place so far
 * @starved: a load waits for pages that are in the journal
 * @supply: called while the pool is starved; may be NULL; set before any page
 *	is loaded
 * @loads: number of pages loaded so far
 * @evictions: number of pages evicted so far
 * @structs: mempool of struct vhdx_page
 * @buffers: mempool of 4 KiB buffers
 * @leaf_structs: mempool of struct vhdx_leaf
 */
struct vhdx_pool {
	spinlock_t lock; /* clock, counts, changes to the maps, the session */
	struct list_head clock;
	unsigned long resident;
	unsigned long pinned;
	unsigned long limit;
	unsigned long least;
	u64 written;
	bool starved;
	struct vhdx_supply *supply;
	u64 loads;
	u64 evictions;
	mempool_t *structs;
	mempool_t *buffers;
	mempool_t *leaf_structs;
};

/**
 * struct vhdx_page_map - the pages of one array
 * @pool: the pool that bounds the pages
 * @leaves: the directory: @count pages in leaves of VHDX_LEAF_PAGES
 * @count: pages in the array
 */
struct vhdx_page_map {
	struct vhdx_pool *pool;
	struct vhdx_leaf __rcu **leaves;
	u64 count;
};

/*
 * vhdx_fill_t - read page @index into page->data, check it, and set
 * the bits of page->faulty where it is bad. May sleep; no lock held.
 */
typedef int (*vhdx_fill_t)(void *context, u64 index, struct vhdx_page *page);

int vhdx_pool_init(struct vhdx_pool *pool, unsigned long limit);
void vhdx_pool_exit(struct vhdx_pool *pool);
void vhdx_pool_set_limit(struct vhdx_pool *pool, unsigned long limit);
void vhdx_pool_need(struct vhdx_pool *pool, unsigned long pages);
unsigned long vhdx_pool_shrink(struct vhdx_pool *pool, unsigned long count);

int vhdx_page_map_init(struct vhdx_page_map *map, struct vhdx_pool *pool,
		       u64 count);
void vhdx_page_map_exit(struct vhdx_page_map *map);
int vhdx_page_map_load(struct vhdx_page_map *map, u64 index, vhdx_fill_t fill,
		       void *context);
void vhdx_page_pin(struct vhdx_page *page, struct list_head *list);
void vhdx_page_unpin(struct vhdx_page *page);

/**
 * vhdx_page_map_find() - look a page up
 * @map: the map
 * @index: index of the page, below the map's count
 *
 * Context: under rcu_read_lock(), which also bounds the use of the page, or
 * under the pool's lock.
 * Return: the page, or NULL if it is not resident.
 */
static inline struct vhdx_page *
vhdx_page_map_find(const struct vhdx_page_map *map, u64 index)
{
	struct vhdx_leaf *leaf;
	struct vhdx_page *page;

	leaf = rcu_dereference_check(map->leaves[index >> VHDX_LEAF_SHIFT],
				     lockdep_is_held(&map->pool->lock));
	if (!leaf)
		return NULL;
	page = rcu_dereference_check(leaf->page[index & (VHDX_LEAF_PAGES - 1)],
				     lockdep_is_held(&map->pool->lock));
	/*
	 * Write only when the value changes: lookups must not dirty the cache
	 * line.
	 */
	if (page && !READ_ONCE(page->used))
		WRITE_ONCE(page->used, true);
	return page;
}

#endif /* VHDX_PAGES_H */
