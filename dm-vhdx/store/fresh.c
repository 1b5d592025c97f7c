// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fresh space of a file: the window, and writes that take zeros along.
 */
#include <linux/bio.h>
#include <linux/slab.h>

#include "fresh.h"

/**
 * vhdx_fresh_new() - start to track the fresh space of a file
 *
 * Context: may sleep.
 * Return: the tracker, to be freed by vhdx_fresh_free(); or NULL if memory is
 * short.
 */
struct vhdx_fresh *vhdx_fresh_new(void)
{
	struct vhdx_fresh *fresh = kvzalloc(sizeof(*fresh), GFP_KERNEL);

	if (fresh)
		spin_lock_init(&fresh->lock);
	return fresh;
}

/**
 * vhdx_fresh_free() - stop to track fresh space
 * @fresh: the tracker, with no fill under way; or NULL
 *
 * Context: may sleep.
 */
void vhdx_fresh_free(struct vhdx_fresh *fresh)
{
	kvfree(fresh);
}

/*
 * Mark at most as many grains as there are marks. Readers take no lock, so a
 * mark that stays set must not be cleared for a moment.
 */
static void mark_grains(struct vhdx_fresh *fresh, unsigned long from,
			unsigned long to, bool set)
{
	while (from < to) {
		unsigned int bit = from % BITS_PER_LONG;
		unsigned int count = min_t(unsigned long, to - from,
					   BITS_PER_LONG - bit);
		unsigned long *word = &fresh->marks[BIT_WORD(from %
							VHDX_FRESH_GRAINS)];
		unsigned long mask = GENMASK(bit + count - 1, bit);

		WRITE_ONCE(*word, set ? *word | mask : *word & ~mask);
		from += count;
	}
}

/* The window must not lose a grain that is being filled: others wait for it. */
static unsigned long first_busy(const struct vhdx_fresh *fresh)
{
	unsigned long first = ULONG_MAX;
	unsigned int i;

	for (i = 0; i < VHDX_FILLS; i++)
		if (fresh->fill[i].busy)
			first = min(first, fresh->fill[i].grain);
	return first;
}

/*
 * Move the window towards @to as far as possible. Return its new end.
 */
static unsigned long move_grains(struct vhdx_fresh *fresh, unsigned long from,
				 unsigned long to)
{
	unsigned long start = fresh->start < fresh->end ? fresh->start : from;

	if (to - start > VHDX_FRESH_GRAINS)
		start = min(to - VHDX_FRESH_GRAINS, first_busy(fresh));
	to = min(to, start + VHDX_FRESH_GRAINS);
	/* There is a gap if the file did not end at the border of a grain. */
	mark_grains(fresh, max(fresh->end, start), min(from, to), false);
	WRITE_ONCE(fresh->start, start);
	WRITE_ONCE(fresh->end, max(fresh->end, to));
	return to;
}

/**
 * vhdx_fresh_add() - add the space by which a file has grown
 * @fresh: tracker of the file
 * @from: old size of the file, in bytes
 * @to: new size of the file, in bytes; the new space reads as zeros
 *
 * Context: any; before the engine learns of the space.
 */
void vhdx_fresh_add(struct vhdx_fresh *fresh, u64 from, u64 to)
{
	u64 first = (from + VHDX_GRAIN - 1) >> VHDX_GRAIN_SHIFT;
	u64 end = to >> VHDX_GRAIN_SHIFT;
	unsigned long flags;

	if (first >= end || end != (unsigned long)end)
		return;
	spin_lock_irqsave(&fresh->lock, flags);
	if (first >= fresh->end) {
		end = move_grains(fresh, first, end);
		mark_grains(fresh, max_t(unsigned long, first, fresh->start), end,
			    true);
	}
	spin_unlock_irqrestore(&fresh->lock, flags);
}

/**
 * vhdx_fresh_cut() - drop the space by which a file is truncated
 * @fresh: tracker of the file
 * @size: size after the truncation, in bytes
 *
 * Context: any, before or after the truncation; nothing is written past @size.
 */
void vhdx_fresh_cut(struct vhdx_fresh *fresh, u64 size)
{
	u64 end = size >> VHDX_GRAIN_SHIFT;
	unsigned long flags;

	spin_lock_irqsave(&fresh->lock, flags);
	if (end < fresh->end) {
		WRITE_ONCE(fresh->start, min_t(u64, fresh->start, end));
		WRITE_ONCE(fresh->end, end);
	}
	spin_unlock_irqrestore(&fresh->lock, flags);
}

/* Find the grains of a range that are in the window: [*first, *end). */
static void clip_range(const struct vhdx_fresh *fresh, u64 pos, u64 len,
		       unsigned long *first, unsigned long *end)
{
	*first = max_t(u64, pos >> VHDX_GRAIN_SHIFT, fresh->start);
	*end = min_t(u64, (pos + len + VHDX_GRAIN - 1) >> VHDX_GRAIN_SHIFT,
		     fresh->end);
}

static bool is_busy(const struct vhdx_fill *fill, unsigned long first,
		    unsigned long end)
{
	return fill->busy && fill->grain >= first && fill->grain < end;
}

static struct vhdx_fill *find_busy(struct vhdx_fresh *fresh,
				   unsigned long first, unsigned long end)
{
	struct vhdx_fill *fill;

	for (fill = fresh->fill; fill < fresh->fill + VHDX_FILLS; fill++)
		if (is_busy(fill, first, end))
			return fill;
	return NULL;
}

/**
 * vhdx_fresh_touch() - note a write that does not come from a bio
 * @fresh: tracker of the file
 * @pos: byte offset
 * @len: bytes
 *
 * Context: any; before the write.
 */
void vhdx_fresh_touch(struct vhdx_fresh *fresh, u64 pos, u64 len)
{
	unsigned long first, end, flags;

	spin_lock_irqsave(&fresh->lock, flags);
	/*
	 * Writers still wait for busy grains, and look at their marks without
	 * the lock: such a mark must not be cleared for a moment.
	 */
	for (clip_range(fresh, pos, len, &first, &end); first < end; first++)
		if (!find_busy(fresh, first, first + 1))
			mark_grains(fresh, first, first + 1, false);
	spin_unlock_irqrestore(&fresh->lock, flags);
}

static struct vhdx_fill *find_free(struct vhdx_fresh *fresh)
{
	struct vhdx_fill *fill;

	for (fill = fresh->fill; fill < fresh->fill + VHDX_FILLS; fill++)
		if (!fill->busy)
			return fill;
	return NULL;
}

static void add_zeros(struct vhdx_fill *fill, unsigned int len)
{
	while (len) {
		unsigned int step = min_t(unsigned int, len, PAGE_SIZE);

		bvec_set_page(&fill->vec[fill->count++], ZERO_PAGE(0), step, 0);
		len -= step;
	}
}

/* Return false if the data of the bio has too many pieces. */
static bool describe_fill(struct vhdx_fill *fill, u64 pos, struct bio *bio)
{
	unsigned int before = pos & (VHDX_GRAIN - 1);
	unsigned int pieces = 0;
	struct bvec_iter iter;
	struct bio_vec bvec;

	fill->count = 0;
	add_zeros(fill, before);
	bio_for_each_bvec(bvec, bio, iter) {
		if (++pieces > VHDX_FILL_PIECES)
			return false;
		fill->vec[fill->count++] = bvec;
	}
	add_zeros(fill, VHDX_GRAIN - before - bio->bi_iter.bi_size);
	return true;
}

static bool is_part(u64 pos, unsigned int len)
{
	return len < VHDX_GRAIN &&
	       pos >> VHDX_GRAIN_SHIFT == (pos + len - 1) >> VHDX_GRAIN_SHIFT;
}

/*
 * Extend the write of a part of a fresh grain to the whole grain, if possible.
 */
static struct vhdx_fill *begin_fill(struct vhdx_fresh *fresh,
				    unsigned long grain, u64 pos,
				    struct bio *bio)
{
	struct vhdx_fill *fill = find_free(fresh);

	if (!fill || !describe_fill(fill, pos, bio))
		return NULL;
	fill->grain = grain;
	fill->waiting = NULL;
	fill->busy = true;
	return fill;
}

/**
 * vhdx_fresh_claim() - decide how a write proceeds
 * @fresh: tracker of the file
 * @pos: byte offset in the file
 * @bio: the write, not empty
 * @node: node of the writer; vhdx_fresh_done() returns it if the writer waits
 * @fill: points to NULL; set to the write of a whole grain that replaces the
 *	bio. NULL if the write takes no zeros along
 *
 * Context: any; does not wait.
 * Return: see enum vhdx_fresh_result.
 */
enum vhdx_fresh_result vhdx_fresh_claim(struct vhdx_fresh *fresh, u64 pos,
					struct bio *bio,
					struct llist_node *node,
					struct vhdx_fill **fill)
{
	enum vhdx_fresh_result answer = VHDX_FRESH_GO;
	unsigned int len = bio->bi_iter.bi_size;
	unsigned long first, end, flags;
	struct vhdx_fill *other;

	spin_lock_irqsave(&fresh->lock, flags);
	clip_range(fresh, pos, len, &first, &end);
	other = find_busy(fresh, first, end);
	if (other) {
		node->next = other->waiting;
		other->waiting = node;
		answer = VHDX_FRESH_WAIT;
		goto out;
	}
	if (fill && end == first + 1 && is_part(pos, len) &&
	    vhdx_fresh_marked(fresh, first))
		*fill = begin_fill(fresh, first, pos, bio);
	if (fill && *fill)
		answer = VHDX_FRESH_FILL;
	else
		mark_grains(fresh, first, end, false);
out:
	spin_unlock_irqrestore(&fresh->lock, flags);
	return answer;
}

/**
 * vhdx_fresh_done() - end the write of a whole grain
 * @fresh: tracker of the file
 * @fill: from vhdx_fresh_claim(); the write has ended, well or not
 *
 * The grain is no longer fresh.
 *
 * Context: any.
 * Return: the writers that waited, newest first; they call vhdx_fresh_claim()
 * again.
 */
struct llist_node *vhdx_fresh_done(struct vhdx_fresh *fresh,
				   struct vhdx_fill *fill)
{
	struct llist_node *waiting;
	unsigned long flags;

	spin_lock_irqsave(&fresh->lock, flags);
	/*
	 * If the file was truncated, the mark may belong to another grain by
	 * now.
	 */
	if (fill->grain >= fresh->start && fill->grain < fresh->end)
		mark_grains(fresh, fill->grain, fill->grain + 1, false);
	fill->busy = false;
	waiting = fill->waiting;
	spin_unlock_irqrestore(&fresh->lock, flags);
	return waiting;
}
