/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ordering of cached and direct writes to the same pages of a file.
 *
 * A write that is too small for direct I/O goes through the page cache: the
 * file system reads the page, changes it, and writes all of it later. If a
 * direct write to the same page is under way, the page may hold the contents
 * from before that write, and bring them back. Or the file system finds a dirty
 * page where the direct write has ended, cannot drop the page, and reports a
 * loss to the next fsync. So one of two such writes waits for the other. Direct
 * writes do not wait for each other, nor do cached writes.
 *
 * Each write waits only for earlier ones, so none waits for ever.
 *
 * overlap.c APIs:
 *   vhdx_overlap_init()	set up the ordering of a file
 *   vhdx_overlap_enter()	add a write
 *   vhdx_overlap_again()	test again whether a write may begin
 *   vhdx_overlap_leave()	remove a write that has ended
 */
#ifndef VHDX_OVERLAP_H
#define VHDX_OVERLAP_H

#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct vhdx_overlap - the writes to a file
 * @lock: guards all other members; may be taken in interrupts
 * @writes: interval tree of the writes that are under way or wait
 * @turn: number of the latest write
 * @unit: larger unit of the page cache and of direct I/O, in bytes: writes that
 *	touch the same unit overlap
 */
struct vhdx_overlap {
	spinlock_t lock;	/* guards all that follows, and the writes */
	struct rb_root_cached writes;
	u64 turn;
	u32 unit;
};

/**
 * struct vhdx_overlap_write - a write
 * @node: node of the tree
 * @start: first byte of its first unit
 * @last: last byte of its last unit
 * @subtree: the largest @last below @node
 * @turn: number of the write; earlier writes have smaller numbers
 * @cached: the write goes through the page cache
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
