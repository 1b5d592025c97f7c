// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/interval_tree_generic.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "overlap.h"

#define write_start(write)	((write)->start)
#define write_last(write)	((write)->last)

INTERVAL_TREE_DEFINE(struct vhdx_overlap_write, node, u64, subtree,
		     write_start, write_last, static, writes)

/**
 * vhdx_overlap_init() - set up the ordering of writes to a file
 * @overlap: the ordering
 * @align: alignment of offsets and lengths for direct I/O, in bytes, a power of
 *	two
 */
void vhdx_overlap_init(struct vhdx_overlap *overlap, u32 align)
{
	spin_lock_init(&overlap->lock);
	overlap->writes = RB_ROOT_CACHED;
	overlap->turn = 0;
	overlap->unit = max_t(u32, align, PAGE_SIZE);
}

/* Return an earlier write that must end first, or NULL. */
static struct vhdx_overlap_write *
find_earlier(struct vhdx_overlap *overlap,
	     const struct vhdx_overlap_write *write)
{
	struct vhdx_overlap_write *other;

	for (other = writes_iter_first(&overlap->writes, write->start,
				       write->last);
	     other; other = writes_iter_next(other, write->start, write->last))
		if (other->turn < write->turn &&
		    other->cached != write->cached)
			return other;
	return NULL;
}

static bool may_begin(struct vhdx_overlap *overlap,
		      struct vhdx_overlap_write *write,
		      struct llist_node *waiter)
{
	struct vhdx_overlap_write *earlier = find_earlier(overlap, write);

	if (!earlier)
		return true;
	waiter->next = earlier->waiting;
	earlier->waiting = waiter;
	return false;
}

/**
 * vhdx_overlap_enter() - add a write
 * @overlap: ordering of the file
 * @write: the write, with @cached set; vhdx_overlap_leave() removes it
 * @pos: byte offset in the file
 * @len: bytes, above 0
 * @waiter: if the write must wait, vhdx_overlap_leave() of an earlier write
 *	returns this, and the writer calls vhdx_overlap_again()
 *
 * Context: any.
 * Return: true if the write may begin.
 */
bool vhdx_overlap_enter(struct vhdx_overlap *overlap,
			struct vhdx_overlap_write *write, u64 pos, u64 len,
			struct llist_node *waiter)
{
	unsigned long flags;
	bool begins;

	write->start = ALIGN_DOWN(pos, (u64)overlap->unit);
	write->last = ALIGN(pos + len, (u64)overlap->unit) - 1;
	write->waiting = NULL;
	spin_lock_irqsave(&overlap->lock, flags);
	write->turn = ++overlap->turn;
	writes_insert(write, &overlap->writes);
	begins = may_begin(overlap, write, waiter);
	spin_unlock_irqrestore(&overlap->lock, flags);
	return begins;
}

/**
 * vhdx_overlap_again() - test again whether a write may begin
 * @overlap: ordering of the file
 * @write: as vhdx_overlap_enter() left it
 * @waiter: as for vhdx_overlap_enter()
 *
 * Context: any.
 * Return: true if the write may begin.
 */
bool vhdx_overlap_again(struct vhdx_overlap *overlap,
			struct vhdx_overlap_write *write,
			struct llist_node *waiter)
{
	unsigned long flags;
	bool begins;

	spin_lock_irqsave(&overlap->lock, flags);
	begins = may_begin(overlap, write, waiter);
	spin_unlock_irqrestore(&overlap->lock, flags);
	return begins;
}

/**
 * vhdx_overlap_leave() - remove a write that has ended
 * @overlap: ordering of the file
 * @write: the write, which was allowed to begin
 *
 * Context: any.
 * Return: the writers that waited for it, newest first; each calls
 * vhdx_overlap_again().
 */
struct llist_node *vhdx_overlap_leave(struct vhdx_overlap *overlap,
				      struct vhdx_overlap_write *write)
{
	struct llist_node *waiting;
	unsigned long flags;

	spin_lock_irqsave(&overlap->lock, flags);
	writes_remove(write, &overlap->writes);
	waiting = write->waiting;
	spin_unlock_irqrestore(&overlap->lock, flags);
	return waiting;
}
