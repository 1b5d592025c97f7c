// SPDX-License-Identifier: GPL-2.0-only
#include "space.h"

#define UNIT_MASK (VHDX_SPACE_CHUNK_UNITS - 1)

static struct vhdx_space_chunk *chunk_of(const struct vhdx_space *space,
					 u64 unit)
{
	return space->chunk[unit >> VHDX_SPACE_CHUNK_SHIFT];
}

static u32 chunks_ready(const struct vhdx_space *space)
{
	/*
	 * Pairs with the release in vhdx_space_grow(): the chunks are
	 * initialized.
	 */
	return smp_load_acquire(&space->chunks);
}

/* All units that a range of bytes touches. */
static u64 first_unit(u64 offset)
{
	return offset >> VHDX_ALIGN_SHIFT;
}

static u64 end_unit(u64 offset, u64 length)
{
	return (offset + length + VHDX_ALIGN - 1) >> VHDX_ALIGN_SHIFT;
}

/**
 * vhdx_space_init() - set up an empty map
 * @space: the map; the caller ends it with vhdx_space_exit(), also after a
 *	failure
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_space_init(struct vhdx_space *space)
{
	*space = (struct vhdx_space){};
	space->chunk = kvcalloc(VHDX_SPACE_CHUNKS, sizeof(*space->chunk),
				GFP_NOIO);
	return space->chunk ? 0 : -ENOMEM;
}

/**
 * vhdx_space_exit() - free a map
 * @space: as vhdx_space_init() left it; or zeroed
 *
 * Context: may sleep.
 */
void vhdx_space_exit(struct vhdx_space *space)
{
	u32 i;

	for (i = 0; i < space->chunks; i++)
		kvfree(space->chunk[i]);
	kvfree(space->chunk);
	*space = (struct vhdx_space){};
}

/**
 * vhdx_space_grow() - extend the map for a longer file
 * @space: the map
 * @size: bytes of the file, at most VHDX_FILE_SIZE_MAX
 *
 * Context: may sleep; one task at a time. Other tasks may use the map
 * meanwhile, but not the new part before this returns.
 * Return: 0 or -ENOMEM.
 */
int vhdx_space_grow(struct vhdx_space *space, u64 size)
{
	u64 needed = (end_unit(0, size) + UNIT_MASK) >> VHDX_SPACE_CHUNK_SHIFT;

	while (space->chunks < needed) {
		struct vhdx_space_chunk *chunk =
			kvzalloc(sizeof(*chunk), GFP_NOIO);

		if (!chunk)
			return -ENOMEM;
		space->chunk[space->chunks] = chunk;
		/* Pairs with chunks_ready(). */
		smp_store_release(&space->chunks, space->chunks + 1);
		cond_resched();
	}
	return 0;
}

/**
 * vhdx_space_take() - mark space as owned
 * @space: the map, which covers the range
 * @offset: byte offset in the file
 * @length: bytes; each MiB that the range touches is taken
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: true if a part of the range was owned before.
 */
bool vhdx_space_take(struct vhdx_space *space, u64 offset, u64 length)
{
	u64 end = end_unit(offset, length);
	u64 unit = first_unit(offset);
	bool owned = false;

	for (; unit < end; unit++) {
		struct vhdx_space_chunk *chunk = chunk_of(space, unit);

		owned |= test_bit(unit & UNIT_MASK, chunk->owned);
		__set_bit(unit & UNIT_MASK, chunk->owned);
	}
	return owned;
}

/**
 * vhdx_space_untake() - give back space that has never been used
 * @space: the map
 * @offset: byte offset in the file
 * @length: bytes
 *
 * Context: under the lock of @space, see struct vhdx_space.
 */
void vhdx_space_untake(struct vhdx_space *space, u64 offset, u64 length)
{
	u64 end = end_unit(offset, length);
	u64 unit = first_unit(offset);

	for (; unit < end; unit++)
		__clear_bit(unit & UNIT_MASK, chunk_of(space, unit)->owned);
	space->full = false;
}

/* Return the first run of @units free units in [@start, @end). */
static u64 find_in_chunk(const struct vhdx_space_chunk *chunk,
			 unsigned long units, unsigned long start,
			 unsigned long end)
{
	unsigned long next;

	for (;;) {
		start = find_next_zero_bit(chunk->owned, end, start);
		if (start + units > end)
			return U64_MAX;
		next = find_next_bit(chunk->owned, start + units, start);
		if (next >= start + units)
			return start;
		start = next;
	}
}

/**
 * vhdx_space_find() - find free space for a block, and take it
 * @space: the map
 * @length: bytes, a multiple of 1 MiB up to VHDX_BLOCK_SIZE_MAX
 * @end: end of the search in the file; a part beyond the map is not searched
 *
 * Skips free space that crosses the border of two chunks.
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: byte offset of the space, or U64_MAX if there is none.
 */
u64 vhdx_space_find(struct vhdx_space *space, u64 length, u64 end)
{
	u64 known = (u64)chunks_ready(space) << VHDX_SPACE_CHUNK_SHIFT;
	u64 units = min(end >> VHDX_ALIGN_SHIFT, known);
	u32 chunks = (units + UNIT_MASK) >> VHDX_SPACE_CHUNK_SHIFT;
	u32 i;

	for (i = 0; i < chunks && !space->full; i++) {
		u32 number = (space->cursor + i) % chunks;
		u64 base = (u64)number << VHDX_SPACE_CHUNK_SHIFT;
		u64 found = find_in_chunk(space->chunk[number],
					  length >> VHDX_ALIGN_SHIFT, 0,
					  min_t(u64, units - base,
						VHDX_SPACE_CHUNK_UNITS));

		if (found == U64_MAX)
			continue;
		space->cursor = number;
		found = (base + found) << VHDX_ALIGN_SHIFT;
		vhdx_space_take(space, found, length);
		return found;
	}
	space->full = true;
	return U64_MAX;
}

/**
 * vhdx_space_hole() - find the lowest free space for a block
 * @space: the map
 * @length: bytes, a multiple of 1 MiB up to VHDX_BLOCK_SIZE_MAX
 * @from: start of the search in the file, a multiple of 1 MiB
 * @end: end of the search in the file; a part beyond the map is not searched
 *
 * Takes nothing. Skips what vhdx_space_find() skips.
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: byte offset of the space, or U64_MAX if there is none.
 */
u64 vhdx_space_hole(const struct vhdx_space *space, u64 length, u64 from,
		    u64 end)
{
	u64 known = (u64)chunks_ready(space) << VHDX_SPACE_CHUNK_SHIFT;
	u64 units = min(end >> VHDX_ALIGN_SHIFT, known);
	u64 unit = from >> VHDX_ALIGN_SHIFT;
	u64 base, found;

	for (; unit < units; unit = base + VHDX_SPACE_CHUNK_UNITS) {
		base = unit & ~UNIT_MASK;
		found = find_in_chunk(chunk_of(space, unit),
				      length >> VHDX_ALIGN_SHIFT,
				      unit & UNIT_MASK,
				      min_t(u64, units - base,
					    VHDX_SPACE_CHUNK_UNITS));
		if (found != U64_MAX)
			return (base + found) << VHDX_ALIGN_SHIFT;
	}
	return U64_MAX;
}

/* vhdx_session_reclaims() reads the count without the lock. */
static void set_freed(struct vhdx_space *space, enum vhdx_freed step, u64 units)
{
	WRITE_ONCE(space->freed[step], units);
}

/**
 * vhdx_space_release() - free the space of a block in the open transaction
 * @space: the map
 * @offset: byte offset in the file
 * @length: bytes; a part beyond the map is ignored. If others change the file,
 *	an entry may point there that did not when the map was made.
 *
 * Context: under the lock of @space, see struct vhdx_space.
 */
void vhdx_space_release(struct vhdx_space *space, u64 offset, u64 length)
{
	u64 known = (u64)chunks_ready(space) << VHDX_SPACE_CHUNK_SHIFT;
	u64 end = min(end_unit(offset, length), known);
	u64 unit = first_unit(offset);

	for (; unit < end; unit++) {
		struct vhdx_space_chunk *chunk = chunk_of(space, unit);

		__set_bit(unit & UNIT_MASK, chunk->freed[VHDX_FREED_OPEN]);
		chunk->count[VHDX_FREED_OPEN]++;
		set_freed(space, VHDX_FREED_OPEN,
			  space->freed[VHDX_FREED_OPEN] + 1);
	}
}

static void advance_chunk(struct vhdx_space_chunk *chunk, enum vhdx_freed from)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(chunk->owned); i++) {
		chunk->freed[from + 1][i] |= chunk->freed[from][i];
		chunk->freed[from][i] = 0;
	}
	chunk->count[from + 1] += chunk->count[from];
	chunk->count[from] = 0;
}

/**
 * vhdx_space_advance() - move freed space to the next step
 * @space: the map
 * @from: the step that becomes empty; a step before VHDX_FREED_DRAINING
 *
 * Context: under the lock of @space, see struct vhdx_space.
 */
void vhdx_space_advance(struct vhdx_space *space, enum vhdx_freed from)
{
	u32 chunks = chunks_ready(space);
	u32 i;

	if (!space->freed[from])
		return;
	for (i = 0; i < chunks; i++)
		if (space->chunk[i]->count[from])
			advance_chunk(space->chunk[i], from);
	set_freed(space, from + 1, space->freed[from + 1] + space->freed[from]);
	set_freed(space, from, 0);
}

/**
 * vhdx_space_reclaim() - make drained space free
 * @space: the map
 * @offset: byte offset in the file
 * @length: bytes; all of it is in VHDX_FREED_DRAINING
 *
 * Context: under the lock of @space, see struct vhdx_space.
 */
void vhdx_space_reclaim(struct vhdx_space *space, u64 offset, u64 length)
{
	u64 end = end_unit(offset, length);
	u64 unit = first_unit(offset);

	set_freed(space, VHDX_FREED_DRAINING,
		  space->freed[VHDX_FREED_DRAINING] - (end - unit));
	for (; unit < end; unit++) {
		struct vhdx_space_chunk *chunk = chunk_of(space, unit);

		__clear_bit(unit & UNIT_MASK, chunk->freed[VHDX_FREED_DRAINING]);
		__clear_bit(unit & UNIT_MASK, chunk->owned);
		chunk->count[VHDX_FREED_DRAINING]--;
	}
	space->full = false;
}

/**
 * vhdx_space_next() - find the next space in a step
 * @space: the map
 * @step: the step
 * @from: byte offset in the file where the search starts
 * @length: set to the bytes of the run; a run ends at the border of a chunk
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: byte offset of the next run, or U64_MAX if there is none.
 */
u64 vhdx_space_next(const struct vhdx_space *space, enum vhdx_freed step,
		    u64 from, u64 *length)
{
	unsigned long unit = (from >> VHDX_ALIGN_SHIFT) & UNIT_MASK;
	u64 number = from >> (VHDX_ALIGN_SHIFT + VHDX_SPACE_CHUNK_SHIFT);
	u32 chunks = chunks_ready(space);

	for (; number < chunks; number++, unit = 0) {
		const struct vhdx_space_chunk *chunk = space->chunk[number];
		unsigned long start, end;

		if (!chunk->count[step])
			continue;
		start = find_next_bit(chunk->freed[step],
				      VHDX_SPACE_CHUNK_UNITS, unit);
		if (start >= VHDX_SPACE_CHUNK_UNITS)
			continue;
		end = find_next_zero_bit(chunk->freed[step],
					 VHDX_SPACE_CHUNK_UNITS, start);
		*length = (u64)(end - start) << VHDX_ALIGN_SHIFT;
		return ((number << VHDX_SPACE_CHUNK_SHIFT) + start)
		       << VHDX_ALIGN_SHIFT;
	}
	return U64_MAX;
}

/**
 * vhdx_space_end() - find the end of the last owned MiB
 * @space: the map
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: byte offset in the file.
 */
u64 vhdx_space_end(const struct vhdx_space *space)
{
	u32 i;

	for (i = chunks_ready(space); i-- > 0;) {
		const struct vhdx_space_chunk *chunk = space->chunk[i];
		unsigned long last = find_last_bit(chunk->owned,
						   VHDX_SPACE_CHUNK_UNITS);

		if (last < VHDX_SPACE_CHUNK_UNITS)
			return (((u64)i << VHDX_SPACE_CHUNK_SHIFT) + last + 1)
			       << VHDX_ALIGN_SHIFT;
	}
	return 0;
}

static bool is_freed(const struct vhdx_space_chunk *chunk, unsigned long unit)
{
	unsigned int step;

	for (step = 0; step < VHDX_FREED_STEPS; step++)
		if (chunk->count[step] && test_bit(unit, chunk->freed[step]))
			return true;
	return false;
}

/* The last unit before @end that is owned and not freed, or @end. */
static unsigned long last_kept(const struct vhdx_space_chunk *chunk,
			       unsigned long end)
{
	unsigned long last = end;

	do {
		unsigned long next = find_last_bit(chunk->owned, last);

		if (next >= last)
			return end;
		last = next;
	} while (is_freed(chunk, last));
	return last;
}

/**
 * vhdx_space_kept_end() - find the end of the last MiB that has an owner
 * @space: the map
 * @before: byte offset in the file, a multiple of 1 MiB, where the search starts
 *
 * Freed space has none any more.
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: byte offset in the file, at most @before; or 0.
 */
u64 vhdx_space_kept_end(const struct vhdx_space *space, u64 before)
{
	u64 known = (u64)chunks_ready(space) << VHDX_SPACE_CHUNK_SHIFT;
	u64 end = min(before >> VHDX_ALIGN_SHIFT, known);
	unsigned long units, last;

	while (end) {
		u64 base = (end - 1) & ~UNIT_MASK;

		units = end - base;
		last = last_kept(chunk_of(space, base), units);
		if (last < units)
			return (base + last + 1) << VHDX_ALIGN_SHIFT;
		end = base;
	}
	return 0;
}

/**
 * vhdx_space_unowned() - count the free bytes of a file
 * @space: the map
 * @size: bytes of the file, which the map covers
 *
 * Context: under the lock of @space, see struct vhdx_space.
 * Return: bytes.
 */
u64 vhdx_space_unowned(const struct vhdx_space *space, u64 size)
{
	u64 units = end_unit(0, size);
	u64 bytes = 0;
	u64 unit;

	for (unit = 0; unit < units; unit++) {
		u64 start = unit << VHDX_ALIGN_SHIFT;

		if (!test_bit(unit & UNIT_MASK, chunk_of(space, unit)->owned))
			bytes += min_t(u64, size - start, VHDX_ALIGN);
	}
	return bytes;
}
