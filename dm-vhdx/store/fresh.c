// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fresh space of a file.
 */
#include <linux/bio.h>
#include <linux/slab.h>

#include "fresh.h"

/**
 * vhdx_fresh_new() - track nothing yet
 *
 * Context: may sleep.
 * Return: to be freed by vhdx_fresh_free(), or NULL if memory is short.
 */
struct vhdx_fresh *vhdx_fresh_new(void)
{
	struct vhdx_fresh *fresh = kvzalloc(sizeof(*fresh), GFP_KERNEL);

	if (fresh)
		spin_lock_init(&fresh->lock);
	return fresh;
}

/**
 * vhdx_fresh_free() - track it no more
 * @fresh: with no fill under way; or NULL
 *
 * Context: may sleep.
 */
void vhdx_fresh_free(struct vhdx_fresh *fresh)
{
	kvfree(fresh);
}

/*
 * At most as many grains as there are marks. Others look at a word without the
 * lock while it is changed: each mark that stays must be there all the time.
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

/* The window may not lose a grain that others have to wait for. */
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
 * Moves the window on, so that it has as much of what is before @to as it can.
 * Returns where it ends.
 */
static unsigned long move_grains(struct vhdx_fresh *fresh, unsigned long from,
				 unsigned long to)
{
	unsigned long start = fresh->start < fresh->end ? fresh->start : from;

	if (to - start > VHDX_FRESH_GRAINS)
		start = min(to - VHDX_FRESH_GRAINS, first_busy(fresh));
	to = min(to, start + VHDX_FRESH_GRAINS);
	/* A file that did not end with a grain leaves a gap. */
	mark_grains(fresh, max(fresh->end, start), min(from, to), false);
	WRITE_ONCE(fresh->start, start);
	WRITE_ONCE(fresh->end, max(fresh->end, to));
	return to;
}

/**
 * vhdx_fresh_add() - the file has grown
 * @fresh: of the file
 * @from: bytes, where it ended before
 * @to: bytes, where it ends now; all between them reads as zeros
 *
 * Context: any; before anybody learns that the space is there.
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
 * vhdx_fresh_cut() - the file has been, or will be, cut
 * @fresh: of the file
 * @size: bytes, where it ends then
 *
 * Context: any; nothing is written past @size.
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

/* Those grains of a range that are in the window: [*first, *end). */
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
 * vhdx_fresh_touch() - something was written past all this
 * @fresh: of the file
 * @pos: byte offset
 * @len: bytes
 *
 * Context: any; before it is written.
 */
void vhdx_fresh_touch(struct vhdx_fresh *fresh, u64 pos, u64 len)
{
	unsigned long first, end, flags;

	spin_lock_irqsave(&fresh->lock, flags);
	/*
	 * Others still have to wait for what is busy, and look at its mark
	 * without the lock: it is not even cleared for a moment.
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

/* Returns false if the bio's data comes in too many pieces. */
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

/* A part of one fresh grain is written: all of the grain, if that can be. */
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
 * vhdx_fresh_claim() - may a write go on?
 * @fresh: of the file
 * @pos: byte offset in the file
 * @bio: the write, not empty
 * @node: of the writer, by which it is found again if it has to wait
 * @fill: points to NULL, and takes what is to be written in its place; is NULL
 *	itself if zeros are not wanted
 *
 * Context: any; does not wait.
 * Return: the answer.
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
 * vhdx_fresh_done() - zeros were written, or could not be
 * @fresh: of the file
 * @fill: from vhdx_fresh_claim()
 *
 * The grain is like any other from now on.
 *
 * Context: any.
 * Return: those that waited, newest first. They are to ask again.
 */
struct llist_node *vhdx_fresh_done(struct vhdx_fresh *fresh,
				   struct vhdx_fill *fill)
{
	struct llist_node *waiting;
	unsigned long flags;

	spin_lock_irqsave(&fresh->lock, flags);
	/* Its mark may be another's by now if the file was cut. */
	if (fill->grain >= fresh->start && fill->grain < fresh->end)
		mark_grains(fresh, fill->grain, fill->grain + 1, false);
	fill->busy = false;
	waiting = fill->waiting;
	spin_unlock_irqrestore(&fresh->lock, flags);
	return waiting;
}
