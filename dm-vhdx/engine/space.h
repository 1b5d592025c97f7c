/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Space: who owns each MiB of the file, and what may be handed out.
 *
 * The format keeps no map of free space: what no structure and no BAT entry
 * names is free. The map here is made by a pass over the BAT before the first
 * write and kept from then on.
 *
 *	free --> prepared --> a block --> freed --> waiting --> draining --> free
 *	     zeroed        published   unmapped   committed   no I/O left
 *
 * Only space that reads as zeros is handed out, so a block can be published in
 * the BAT before its data is written. Space that a block gave up may be given
 * to another one only when the log entry that says so is durable, or a crash
 * would show the new owner's data in the old block, and when every I/O that
 * could have looked the old place up has ended.
 *
 * space.c APIs:
 *   vhdx_space_init()		an empty map
 *   vhdx_space_exit()
 *   vhdx_space_take()		mark a structure's or a block's space as owned
 *   vhdx_space_find()		find room for a block and mark it as owned
 *   vhdx_space_untake()	it was not used after all
 *   vhdx_space_release()	a block gave its space up
 *   vhdx_space_advance()	a step of the way of freed space
 *   vhdx_space_reclaim()	the last step of it, for a range
 *   vhdx_space_next()		walk what has come to some point of that way
 *   vhdx_space_end()		where the last owned byte is
 *   vhdx_space_unowned()	how much of a file nobody owns
 *   vhdx_space_grow()		make room for a longer file
 */
#ifndef VHDX_SPACE_H
#define VHDX_SPACE_H

#include "format.h"

/* MiB that one chunk of the map describes: 32 GiB of the file. */
#define VHDX_SPACE_CHUNK_SHIFT	15
#define VHDX_SPACE_CHUNK_UNITS	32768UL
static_assert(VHDX_SPACE_CHUNK_UNITS == 1 << VHDX_SPACE_CHUNK_SHIFT);

/*
 * The map of a longer file would cost more memory than an image may ask for
 * that is to be written; the largest disk, its BAT and its log fit.
 */
#define VHDX_SPACE_MAX		(66 * VHDX_TIB)

/* A check looks at files of any length. */
#define VHDX_SPACE_CHUNKS \
	(VHDX_FILE_SIZE_MAX >> (VHDX_ALIGN_SHIFT + VHDX_SPACE_CHUNK_SHIFT))

/**
 * enum vhdx_freed - how far space is on its way to be free again
 * @VHDX_FREED_OPEN: given up in the open transaction
 * @VHDX_FREED_COMMITTING: in the one that is being committed
 * @VHDX_FREED_WAITING: durable; I/O may still be under way to it
 * @VHDX_FREED_DRAINING: waits for that I/O to end
 * @VHDX_FREED_STEPS: how many there are
 */
enum vhdx_freed {
	VHDX_FREED_OPEN,
	VHDX_FREED_COMMITTING,
	VHDX_FREED_WAITING,
	VHDX_FREED_DRAINING,
	VHDX_FREED_STEPS,
};

/**
 * struct vhdx_space_chunk - a part of the map
 * @owned: a bit for each MiB: it may not be handed out
 * @freed: a bit for each MiB that is on its way; these are owned, too
 * @count: how many there are in each step
 */
struct vhdx_space_chunk {
	unsigned long owned[BITS_TO_LONGS(VHDX_SPACE_CHUNK_UNITS)];
	unsigned long freed[VHDX_FREED_STEPS]
			   [BITS_TO_LONGS(VHDX_SPACE_CHUNK_UNITS)];
	u32 count[VHDX_FREED_STEPS];
};

/**
 * struct vhdx_space - the map
 * @chunk: its parts, the first @chunks of them
 * @chunks: parts that are there; the rest of the file is free. Only
 *	vhdx_space_grow() changes it, without the lock
 * @freed: MiB in each step
 * @cursor: chunk that the search for room goes on in
 * @full: the last search found nothing, and nothing became free since
 *
 * The caller locks: with the map of a live session that is the pool's lock.
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
void vhdx_space_release(struct vhdx_space *space, u64 offset, u64 length);
void vhdx_space_advance(struct vhdx_space *space, enum vhdx_freed from);
void vhdx_space_reclaim(struct vhdx_space *space, u64 offset, u64 length);
u64 vhdx_space_next(const struct vhdx_space *space, enum vhdx_freed step,
		    u64 from, u64 *length);
u64 vhdx_space_end(const struct vhdx_space *space);
u64 vhdx_space_unowned(const struct vhdx_space *space, u64 size);

#endif /* VHDX_SPACE_H */
