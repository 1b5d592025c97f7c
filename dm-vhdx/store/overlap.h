/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes to a file that go through the page cache beside such that bypass it.
 *
 * A write of less than what direct I/O takes goes through the page cache: the file
 * system reads the page, changes it, and writes all of it later.  If a direct
 * write of the same page is under way meanwhile, the page may hold what was there
 * before it, and brings that back.  The file system finds a dirty page where the
 * direct write has ended, cannot drop it, and reports a loss to the next fsync.
 * So one of two such writes waits for the other.  Direct writes do not wait for
 * each other, nor do writes that the page cache takes.
 *
 * Writes that meet go on in the order in which they came: each waits only for
 * earlier ones, so that none waits for ever.
 *
 * overlap.c APIs:
 *   vhdx_overlap_init()	no writes
 *   vhdx_overlap_enter()	a write comes
 *   vhdx_overlap_again()	a write that had to wait asks again
 *   vhdx_overlap_leave()	a write has ended
 */
#ifndef VHDX_OVERLAP_H
#define VHDX_OVERLAP_H

#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct vhdx_overlap - the writes of a file
 * @lock: guards all; may be taken in interrupts
 * @writes: an interval tree of those that are under way or wait
 * @turn: number of the latest one
 * @unit: of the page cache and of direct I/O, in bytes: what meets in one, meets
 */
struct vhdx_overlap {
	spinlock_t lock;	/* of all that follows, and of the writes */
	struct rb_root_cached writes;
	u64 turn;
	u32 unit;
};

/**
 * struct vhdx_overlap_write - a write
 * @node: in the tree
 * @start: first byte of its first unit
 * @last: last byte of its last unit
 * @subtree: the largest @last below @node
 * @turn: writes that came earlier have smaller numbers
 * @cached: it goes through the page cache
 * @waiting: llist_nodes of writes that wait for this one, newest first
 */
struct vhdx_overlap_write {
	struct rb_node node;
	u64 start;
	u64 last;
	u64 subtree;
	u64 turn;
	bool cached;
	struct llist_node *waiting;
};

void vhdx_overlap_init(struct vhdx_overlap *overlap, u32 align);
bool vhdx_overlap_enter(struct vhdx_overlap *overlap,
			struct vhdx_overlap_write *write, u64 pos, u64 len,
			struct llist_node *waiter);
bool vhdx_overlap_again(struct vhdx_overlap *overlap,
			struct vhdx_overlap_write *write,
			struct llist_node *waiter);
struct llist_node *vhdx_overlap_leave(struct vhdx_overlap *overlap,
				      struct vhdx_overlap_write *write);

#endif /* VHDX_OVERLAP_H */
