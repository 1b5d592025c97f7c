/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fresh space of a file: reserved when the file grew, and not written to since.
 *
 * File systems keep such space as unwritten extents. The first write to a part
 * of an extent splits it, in a transaction and in a worker, which takes longer
 * than the write itself. So the first small write to a grain of fresh space
 * takes zeros along for the rest of the grain. The rest reads as zeros either
 * way. Other writes to the grain wait for that write.
 *
 * The tracker covers a window at the end of the file. Space that leaves the
 * window, as the file grows, is written to as usual; so is all space if memory
 * or fills are short. A wrong answer costs time and is never unsafe: a grain
 * counts as fresh only while no write to any part of it has been let through.
 *
 * fresh.c APIs:
 *   vhdx_fresh_new()		start to track the fresh space of a file
 *   vhdx_fresh_free()
 *   vhdx_fresh_add()		add the space by which the file has grown
 *   vhdx_fresh_cut()		drop the space by which the file is truncated
 *   vhdx_fresh_touch()		note a write that does not come from a bio
 *   vhdx_fresh_claim()		decide how a write proceeds
 *   vhdx_fresh_done()		end the write of a whole grain
 * fresh.h APIs:
 *   vhdx_fresh_marked()	test whether a grain is fresh, or being filled
 *   vhdx_fresh_meets()		test whether a write must be claimed
 */
#ifndef VHDX_FRESH_H
#define VHDX_FRESH_H

#include <linux/bitmap.h>
#include <linux/bvec.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct bio;

/*
 * The size of a grain in bytes. ext4 has the same bound for zeroing instead of
 * splitting (extent_max_zeroout_kb), and a write of this size takes a disk
 * hardly longer than one of 4 KiB.
 */
#define VHDX_GRAIN		SZ_32K
#define VHDX_GRAIN_SHIFT	ilog2(VHDX_GRAIN)

/* Grains in the window: the largest step in which a file grows, 256 MiB. */
#define VHDX_FRESH_GRAINS	8192

/* Fills that may be under way at the same time. */
#define VHDX_FILLS		32

/* Vectors of a fill: those of the data, and zeros before and after it. */
#define VHDX_FILL_PIECES	8
#define VHDX_FILL_VECS		(VHDX_FILL_PIECES + VHDX_GRAIN / PAGE_SIZE + 2)

/**
 * struct vhdx_fill - a write of a whole grain
 * @grain: number of the grain in the file
 * @busy: the write is under way
 * @count: number of vectors
 * @vec: zeros, the data of the bio, zeros
 * @waiting: llist_nodes of writers that wait for the grain, newest first
 */
struct vhdx_fill {
	unsigned long grain;
	bool busy;
	unsigned int count;
	struct bio_vec vec[VHDX_FILL_VECS];
	struct llist_node *waiting;
};

/**
 * struct vhdx_fresh - the tracker of a file
 * @lock: guards all other members; may be taken in interrupts
 * @start: first grain of the window
 * @end: the grain after the last one of the window
 * @marks: a bit for each grain, at its number modulo the number of bits: the
 *	grain is fresh, or being filled
 * @fill: the fills
 */
struct vhdx_fresh {
	spinlock_t lock;	/* guards all that follows */
	unsigned long start;
	unsigned long end;
	DECLARE_BITMAP(marks, VHDX_FRESH_GRAINS);
	struct vhdx_fill fill[VHDX_FILLS];
};

/**
 * enum vhdx_fresh_result - how a write proceeds
 * @VHDX_FRESH_GO: unchanged
 * @VHDX_FRESH_FILL: as a write of the fill; then the caller calls
 *	vhdx_fresh_done()
 * @VHDX_FRESH_WAIT: the vhdx_fresh_done() of another write returns it
 */
enum vhdx_fresh_result {
	VHDX_FRESH_GO,
	VHDX_FRESH_FILL,
	VHDX_FRESH_WAIT,
};

struct vhdx_fresh *vhdx_fresh_new(void);
void vhdx_fresh_free(struct vhdx_fresh *fresh);
void vhdx_fresh_add(struct vhdx_fresh *fresh, u64 from, u64 to);
void vhdx_fresh_cut(struct vhdx_fresh *fresh, u64 size);
void vhdx_fresh_touch(struct vhdx_fresh *fresh, u64 pos, u64 len);
enum vhdx_fresh_result vhdx_fresh_claim(struct vhdx_fresh *fresh, u64 pos,
					struct bio *bio,
					struct llist_node *node,
					struct vhdx_fill **fill);
struct llist_node *vhdx_fresh_done(struct vhdx_fresh *fresh,
				   struct vhdx_fill *fill);

/**
 * vhdx_fresh_marked() - test whether a grain is fresh, or being filled
 * @fresh: tracker of the file
 * @grain: number of a grain in the window
 *
 * Context: any; a hint without the lock, but see vhdx_fresh_meets().
 * Return: true if it is.
 */
static inline bool vhdx_fresh_marked(const struct vhdx_fresh *fresh,
				     unsigned long grain)
{
	return test_bit(grain % VHDX_FRESH_GRAINS, fresh->marks);
}

/**
 * vhdx_fresh_meets() - test whether a write must be claimed
 * @fresh: tracker of the file
 * @pos: byte offset in the file
 * @len: bytes, above 0
 *
 * Takes no lock. If a fresh grain looked old to its first writer, the zeros of
 * the next writer would overwrite that write. This cannot happen: space is
 * added to the tracker before the engine publishes blocks in it.
 *
 * Context: any; after the lookup of @pos.
 * Return: false if no grain of the range is fresh or being filled.
 */
static inline bool vhdx_fresh_meets(const struct vhdx_fresh *fresh, u64 pos,
				    u64 len)
{
	u64 grain, end;

	/* Pairs with the pool's lock, under which a block is published. */
	smp_rmb();
	grain = max_t(u64, pos >> VHDX_GRAIN_SHIFT, READ_ONCE(fresh->start));
	end = min_t(u64, (pos + len + VHDX_GRAIN - 1) >> VHDX_GRAIN_SHIFT,
		    READ_ONCE(fresh->end));
	for (; grain < end; grain++)
		if (vhdx_fresh_marked(fresh, grain))
			return true;
	return false;
}

#endif /* VHDX_FRESH_H */
