/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fresh space of a file: reserved when the file grew, and not written to since.
 *
 * File systems keep such space as unwritten extents. The first write to each
 * piece of one splits it, in a transaction and a worker, and that takes more
 * than to write. So the first small write to a grain of fresh space takes zeros
 * along for the rest of it, which is then written once and for all. Nothing
 * changes by that: the rest reads as zeros either way. Others that want to write
 * to the grain meanwhile wait for that one write.
 *
 * What is tracked is a window at the end of the file. Space that leaves it, as
 * the file grows, is written to like any other; so is all space if memory or
 * fills are short. Fresh is what costs, never what is unsafe: a grain counts as
 * fresh only while no write to any part of it was let through.
 *
 * fresh.c APIs:
 *   vhdx_fresh_new()		track nothing yet
 *   vhdx_fresh_free()
 *   vhdx_fresh_add()		the file has grown
 *   vhdx_fresh_cut()		the file has been, or will be, cut
 *   vhdx_fresh_touch()		something was written past all this
 *   vhdx_fresh_claim()		ask
 *   vhdx_fresh_done()		zeros were written
 * fresh.h APIs:
 *   vhdx_fresh_marked()	is a grain fresh, or being filled?
 *   vhdx_fresh_meets()		is a write to be asked for?
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
 * How much is written at once, in bytes. ext4 has the same bound for zeroing
 * rather than splitting (extent_max_zeroout_kb), and a write of that size takes
 * a disk hardly longer than one of 4 KiB.
 */
#define VHDX_GRAIN		SZ_32K
#define VHDX_GRAIN_SHIFT	ilog2(VHDX_GRAIN)

/* Grains in the window: the largest step in which a file grows, 256 MiB. */
#define VHDX_FRESH_GRAINS	8192

/* Writes with zeros that are under way at the same time. */
#define VHDX_FILLS		32

/* Pieces of data in such a write, and of zeros. */
#define VHDX_FILL_PIECES	8
#define VHDX_FILL_VECS		(VHDX_FILL_PIECES + VHDX_GRAIN / PAGE_SIZE + 2)

/**
 * struct vhdx_fill - a write of a whole grain
 * @grain: number of the grain in the file
 * @busy: under way
 * @count: vectors
 * @vec: zeros, the bio's data, zeros
 * @waiting: llist_nodes of those who came meanwhile, newest first
 */
struct vhdx_fill {
	unsigned long grain;
	bool busy;
	unsigned int count;
	struct bio_vec vec[VHDX_FILL_VECS];
	struct llist_node *waiting;
};

/**
 * struct vhdx_fresh - what is fresh at the end of a file
 * @lock: guards all; may be taken in interrupts
 * @start: first grain of the window
 * @end: the grain after its last
 * @marks: for each grain, by its number modulo their count: it is fresh, or is
 *	being filled
 * @fill: writes under way, and places for more
 */
struct vhdx_fresh {
	spinlock_t lock;	/* of all that follows */
	unsigned long start;
	unsigned long end;
	DECLARE_BITMAP(marks, VHDX_FRESH_GRAINS);
	struct vhdx_fill fill[VHDX_FILLS];
};

/**
 * enum vhdx_fresh_result - may a write go on?
 * @VHDX_FRESH_GO: as it is
 * @VHDX_FRESH_FILL: as the fill says, and vhdx_fresh_done() follows
 * @VHDX_FRESH_WAIT: vhdx_fresh_done() of another will return it
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
 * vhdx_fresh_marked() - is a grain fresh, or being filled?
 * @fresh: of the file
 * @grain: in the window
 *
 * Context: any; a hint without the lock, but see vhdx_fresh_meets().
 * Return: whether it is.
 */
static inline bool vhdx_fresh_marked(const struct vhdx_fresh *fresh,
				     unsigned long grain)
{
	return test_bit(grain % VHDX_FRESH_GRAINS, fresh->marks);
}

/**
 * vhdx_fresh_meets() - is a write to be asked for?
 * @fresh: of the file
 * @pos: byte offset in the file
 * @len: bytes, above 0
 *
 * Without the lock. A grain that is fresh must not look old to the first who
 * writes to it, or the next would put zeros over that: space is added here
 * before the engine knows of it, and publishes blocks in it.
 *
 * Context: any; after it was looked up where to write.
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
