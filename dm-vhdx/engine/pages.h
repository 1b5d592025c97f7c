/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metadata pages in memory: loaded on demand, looked up without a lock,
 * bounded in number.
 *
 * A map holds the 4 KiB pages of one array (the BAT, or the sector bitmaps) by
 * their index; a pool bounds the pages of the maps that share it. Readers are
 * under RCU and may touch a page until they leave it. Loading does its I/O
 * with no lock held; two loads of one page may race, and the first one wins.
 * Eviction takes the page that has gone unused longest, by CLOCK, and never one
 * that was changed and is not in its place on disk yet.
 *
 * pages.c APIs:
 *   vhdx_pool_init()		make a pool with a limit
 *   vhdx_pool_exit()
 *   vhdx_pool_set_limit()	change the limit
 *   vhdx_pool_shrink()		give up pages, for the shrinker
 *   vhdx_page_map_init()	make an empty map
 *   vhdx_page_map_exit()	drop all its pages
 *   vhdx_page_map_load()	bring a page in
 *   vhdx_page_pin()		keep a page in memory, in a list of the caller's
 *   vhdx_page_unpin()		let it go: it is in its place
 * pages.h APIs:
 *   vhdx_page_map_find()	look a page up
 */
#ifndef VHDX_PAGES_H
#define VHDX_PAGES_H

#include "format.h"

#define VHDX_LEAF_SHIFT		6
#define VHDX_LEAF_PAGES		64U
static_assert(VHDX_LEAF_PAGES == 1 << VHDX_LEAF_SHIFT);

/* A load must succeed when memory is short: these pages are set aside. */
#define VHDX_POOL_RESERVE	4

/**
 * struct vhdx_page - one page of metadata
 * @data: its 4 KiB, as on disk
 * @faulty: a bit for each BAT entry that failed its checks
 * @used: set by lookups, cleared as the clock's hand passes
 * @changed: by the open transaction
 * @logged: the last entry of the log that holds it is needed for a replay
 * @log_offset: where that entry is, in bytes from the start of the log
 * @map: the map that it is in
 * @index: its place there
 * @pos: byte offset of its place in the file
 * @list: in the pool's clock, by the hand's order; or in the journal, which is
 *	where the page stays, and cannot be given up, until it is in its place
 * @rcu: frees it when the last reader has left
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
 * struct vhdx_leaf - a part of a map's directory, freed with its last page
 * @page: the pages, NULL where not resident
 * @live: how many are resident
 * @pool: that it came from
 * @rcu: frees it when the last reader has left
 */
struct vhdx_leaf {
	struct vhdx_page __rcu *page[VHDX_LEAF_PAGES];
	unsigned int live;
	struct vhdx_pool *pool;
	struct rcu_head rcu;
};

/**
 * struct vhdx_supply - who can put pages of the journal in their places
 * @feed: a load waits for that, and goes on to ask; the caller may sleep, and
 *	holds no lock
 */
struct vhdx_supply {
	void (*feed)(struct vhdx_supply *supply);
};

/**
 * struct vhdx_pool - the pages of one image, and their bound
 * @lock: guards the clock, the counts, changes to the maps, and all of a
 *	session but its I/O
 * @clock: resident pages that may be given up; the hand is at the head
 * @resident: how many pages there are, in the journal or not
 * @pinned: how many of them are in the journal
 * @limit: how many others there may be, at least VHDX_POOL_RESERVE
 * @written: pages that were written to their places so far
 * @starved: a load waits for pages that are in the journal
 * @supply: hears of it, if there is one; set before pages are loaded
 * @loads: pages brought in so far
 * @evictions: pages given up so far
 * @structs: struct vhdx_page, with a reserve
 * @buffers: 4 KiB each, with a reserve
 * @leaf_structs: struct vhdx_leaf, with a reserve
 */
struct vhdx_pool {
	spinlock_t lock; /* clock, counts, changes to the maps, the session */
	struct list_head clock;
	unsigned long resident;
	unsigned long pinned;
	unsigned long limit;
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
 * @pool: that bounds them
 * @leaves: the directory, @count pages in leaves of VHDX_LEAF_PAGES
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
 * @map: where
 * @index: which, below the map's count
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
	/* Write only what changes, or every lookup would dirty the line. */
	if (page && !READ_ONCE(page->used))
		WRITE_ONCE(page->used, true);
	return page;
}

#endif /* VHDX_PAGES_H */
