/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Space: which MiB of the file are owned, and which may be allocated.
 *
 * The format has no map of free space: space that no structure and no BAT entry
 * names is free. A pass over the BAT builds this map before the first write,
 * and the session maintains it from then on.
 *
 *	free --> prepared --> a block --> freed --> waiting --> draining --> free
 *	     zeroed        published   unmapped   committed   no I/O left
 *
 * Only space that reads as zeros is allocated, so a block can be published in
 * the BAT before its data is written. Freed space goes to another block only
 * after two events. The log entry that frees it is durable; otherwise a crash
 * would show the new owner's data in the old block. And every I/O that may have
 * looked up the old place has ended.
 *
 * space.c APIs:
 *   vhdx_space_init()		an empty map
 *   vhdx_space_exit()
 *   vhdx_space_take()		mark a range as owned
 *   vhdx_space_find()		find room for a block and mark it as owned
 *   vhdx_space_hole()		find the lowest room for a block
 *   vhdx_space_untake()	unmark a range that was taken and not used
 *   vhdx_space_release()	a block frees its space
 *   vhdx_space_advance()	move freed space one step on
 *   vhdx_space_reclaim()	make a drained range free
 *   vhdx_space_next()		walk the ranges of one step
 *   vhdx_space_end()		end of the last owned MiB
 *   vhdx_space_kept_end()	end of the last MiB that is owned and not freed
 *   vhdx_space_unowned()	number of bytes that nobody owns
 *   vhdx_space_grow()		extend the map for a longer file
 */
#ifndef VHDX_SPACE_H
#define VHDX_SPACE_H

#include "format.h"

/* MiB that one chunk of the map describes: 32 GiB of the file. */
#define VHDX_SPACE_CHUNK_SHIFT	15
#define VHDX_SPACE_CHUNK_UNITS	32768UL
static_assert(VHDX_SPACE_CHUNK_UNITS == 1 << VHDX_SPACE_CHUNK_SHIFT);

/*
 * The map of a longer file would cost more memory than an image that is written
 * may ask for. The largest disk, its BAT and its log fit.
 */
#define VHDX_SPACE_MAX		(66 * VHDX_TIB)

/* Unlike a session, a check handles files of any length. */
#define VHDX_SPACE_CHUNKS \
	(VHDX_FILE_SIZE_MAX >> (VHDX_ALIGN_SHIFT + VHDX_SPACE_CHUNK_SHIFT))

/**
 * enum vhdx_freed - steps of freed space until it is free again
 * @VHDX_FREED_OPEN: freed in the open transaction
 * @VHDX_FREED_COMMITTING: freed in the transaction that is being committed
 * @VHDX_FREED_WAITING: the freeing is durable; I/O to the space may still be
 *	under way
 * @VHDX_FREED_DRAINING: waits for that I/O to end
 * @VHDX_FREED_STEPS: number of steps
 */
enum vhdx_freed {
	VHDX_FREED_OPEN,
	VHDX_FREED_COMMITTING,
	VHDX_FREED_WAITING,
	VHDX_FREED_DRAINING,
	VHDX_FREED_STEPS,
};

/**
 * struct vhdx_space_chunk - part of the map
 * @owned: one bit for each MiB that must not be allocated
 * @freed: one bit for each MiB in a step; these MiB are owned, too
 * @count: number of MiB in each step
 */
struct vhdx_space_chunk {
	unsigned long owned[BITS_TO_LONGS(VHDX_SPACE_CHUNK_UNITS)];
	unsigned long freed[VHDX_FREED_STEPS]
			   [BITS_TO_LONGS(VHDX_SPACE_CHUNK_UNITS)];
	u32 count[VHDX_FREED_STEPS];
};

/**
 * struct vhdx_space - the map
 * @chunk: the parts of the map, the first @chunks of them
 * @chunks: number of parts present; the rest of the file is free. Only
 *	vhdx_space_grow() changes it, without the lock.
 * @freed: number of MiB in each step
 * @cursor: chunk in which the next search for room starts
 * @full: the last search found nothing, and nothing became free since
 *
 * The caller locks; for the map of a live session, it takes the pool's lock.
 */
struct vhdx_space {
	struct vhdx_space_chunk **chunk;
	u32 chunks;
	u64 freed[VHDX_FREED_STEPS];
	u32 cursor;
	bool full;
};

int vhdx_space_init(struct vhdx_space *space);
void vhdx_space_exit(struct vhdx_space *space);
int vhdx_space_grow(struct vhdx_space *space, u64 size);
bool vhdx_space_take(struct vhdx_space *space, u64 offset, u64 length);
void vhdx_space_untake(struct vhdx_space *space, u64 offset, u64 length);
u64 vhdx_space_find(struct vhdx_space *space, u64 length, u64 end);
u64 vhdx_space_hole(const struct vhdx_space *space, u64 length, u64 from,
		    u64 end);
void vhdx_space_release(struct vhdx_space *space, u64 offset, u64 length);
void vhdx_space_advance(struct vhdx_space *space, enum vhdx_freed from);
void vhdx_space_reclaim(struct vhdx_space *space, u64 offset, u64 length);
u64 vhdx_space_next(const struct vhdx_space *space, enum vhdx_freed step,
		    u64 from, u64 *length);
u64 vhdx_space_end(const struct vhdx_space *space);
u64 vhdx_space_kept_end(const struct vhdx_space *space, u64 before);
u64 vhdx_space_unowned(const struct vhdx_space *space, u64 size);

#endif /* VHDX_SPACE_H */
