// SPDX-License-Identifier: GPL-2.0-only
#include "handle-walk.h"
#include "lookup.h"

/* Bytes to read at once where the caller's buffer cannot take them. */
#define BOUNCE	VHDX_PAGE

static int cannot_read(struct vhdx_disk *handle, u64 pos, int err)
{
	if (err == -EIO && handle->heard)
		err = -EUCLEAN;
	msg_err("%s: byte %llu of the disk cannot be read: %s",
		handle->disk->layer[0]->path, pos, err == -EUCLEAN ?
		"the image is damaged" : strerror(-err));
	return err;
}

/* Read whole sectors to memory for words. */
static int read_sectors(const struct vhdx_chain *chain, u64 pos, u8 *buf,
			size_t len)
{
	struct vhdx_run run;
	int err = 0;

	for (; len && !err; len -= run.length) {
		err = lookup_run(chain, pos, len, &run);
		if (err)
			return err;
		if (run.kind == VHDX_RUN_ZERO)
			memset(buf, 0, run.length);
		else
			err = vhdx_image_read(chain->layer[run.layer],
					      run.offset, buf, run.length);
		pos += run.length;
		buf += run.length;
	}
	return err;
}

/*
 * Read a part of a page of the disk, or of what its end leaves of one. Pages are
 * whole sectors.
 */
static int read_part(const struct vhdx_disk *handle, u64 pos, void *buf,
		     size_t len)
{
	const struct vhdx_chain *chain = handle->disk->chain;
	u64 page = ALIGN_DOWN(pos, (u64)BOUNCE);
	u64 bounce[BOUNCE / sizeof(u64)];
	int err;

	err = read_sectors(chain, page, (u8 *)bounce,
			   min_t(u64, BOUNCE, chain->size - page));
	if (!err)
		memcpy(buf, (u8 *)bounce + (pos - page), len);
	return err;
}

/* The engine wants whole sectors, in memory for words. */
static bool is_suited(u64 pos, const void *buf, size_t len)
{
	return len >= BOUNCE && !(pos % BOUNCE) &&
	       !((uintptr_t)buf % sizeof(u64));
}

static int read_bytes(struct vhdx_disk *handle, u8 *buf, size_t length, u64 pos)
{
	size_t len;
	int err = 0;

	for (; length && !err; length -= len) {
		len = min_t(u64, length, BOUNCE - pos % BOUNCE);
		if (is_suited(pos, buf, length)) {
			len = min_t(size_t, ALIGN_DOWN(length, (size_t)BOUNCE),
				    VHDX_MIB);
			err = read_sectors(handle->disk->chain, pos, buf, len);
		} else {
			err = read_part(handle, pos, buf, len);
		}
		if (err)
			return cannot_read(handle, pos, err);
		buf += len;
		pos += len;
	}
	return 0;
}

static int refuse_range(const struct vhdx_disk *handle, u64 pos, u64 length)
{
	msg_err("%s: %llu bytes at byte %llu are not whole sectors of the disk, which has %llu bytes",
		handle->disk->layer[0]->path, length, pos,
		handle->disk->layer[0]->image->params.size);
	return -EINVAL;
}

static bool is_inside(const struct vhdx_disk *handle, u64 pos, u64 length)
{
	u64 size = vhdx_disk_size(handle);

	return pos <= size && length <= size - pos;
}

/**
 * vhdx_disk_read() - read bytes of the disk
 * @handle: the handle, with its parents
 * @buffer: receives the bytes
 * @length: bytes
 * @pos: byte offset on the disk
 *
 * Return: 0 or a negative errno: -EINVAL if the disk ends before, -EUCLEAN if
 * the image is damaged there.
 */
int vhdx_disk_read(struct vhdx_disk *handle, void *buffer, size_t length,
		   uint64_t pos)
{
	int err = handle_begin(handle, HANDLE_WHOLE);

	if (err)
		return err;
	handle->heard = false;
	if (!is_inside(handle, pos, length)) {
		msg_err("%s: the disk ends before %zu bytes at byte %llu do",
			handle->disk->layer[0]->path, length, (u64)pos);
		return handle_end(handle, -EINVAL);
	}
	return handle_end(handle, read_bytes(handle, buffer, length, pos));
}

/**
 * struct mapping - a walk for the caller
 * @visitor: receives the pieces
 * @handle: the handle
 * @visit: receives the extents
 * @context: for @visit
 * @faulty: some pieces are faulty
 */
struct mapping {
	struct walk_visitor visitor;
	struct vhdx_disk *handle;
	vhdx_visit_t visit;
	void *context;
	bool faulty;
};

/* Is what no open image decides a parent's? */
static bool lacks_parent(const struct vhdx_disk *handle)
{
	const struct disk *disk = handle->disk;

	return disk->layer[disk->depth - 1]->image->params.has_parent;
}

/**
 * handle_extent_kind() - sort a piece
 * @handle: the handle that was walked
 * @piece: from walk_range()
 *
 * Return: how it reads.
 */
enum vhdx_extent_kind handle_extent_kind(const struct vhdx_disk *handle,
					 const struct piece *piece)
{
	if (piece->state == STATE_FAULTY)
		return VHDX_EXTENT_FAULTY;
	if (piece_has_data(piece))
		return VHDX_EXTENT_DATA;
	if (piece->state == VHDX_BLOCK_NOT_PRESENT && lacks_parent(handle))
		return VHDX_EXTENT_ABSENT;
	return VHDX_EXTENT_ZERO;
}

static int take(struct walk_visitor *visitor, const struct piece *piece)
{
	struct mapping *mapping = container_of(visitor, struct mapping,
					       visitor);
	const struct vhdx_extent extent = {
		.pos = piece->pos,
		.length = piece->length,
		.kind = handle_extent_kind(mapping->handle, piece),
		.state = piece->state,
		.layer = piece->layer,
		.offset = piece_has_data(piece) ? piece->offset : 0,
	};

	mapping->faulty |= extent.kind == VHDX_EXTENT_FAULTY;
	return handle_visit(mapping->handle, mapping->visit, mapping->context,
			    &extent);
}

/**
 * handle_faults() - report the faults of the blocks that a walk found faulty
 * @handle: the handle, deaf during the walk
 * @depth: number of its images to check, from the child on
 *
 * A walk loads the BAT page by page, and each page causes findings. This finds
 * runs of faulty blocks once.
 *
 * Return: -EUCLEAN, an errno of the store, or what the progress returned.
 */
int handle_faults(struct vhdx_disk *handle, u32 depth)
{
	struct vhdx_census census;
	int found = 0;
	u32 i;

	handle_hear(handle, VHDX_ERROR);
	for (i = 0; i < depth && !found; i++)
		found = vhdx_check_blocks(handle->disk->layer[i]->image,
					  &census, &handle->progress,
					  &handle->disk->layer[i]->report);
	return found ? found : -EUCLEAN;
}

static int map(struct mapping *mapping, const struct walk *walk)
{
	struct vhdx_disk *handle = mapping->handle;
	u32 sector = vhdx_disk_sector_size(handle);
	int err;

	if (!is_inside(handle, walk->pos, walk->length) ||
	    (walk->pos | walk->length) % sector)
		return refuse_range(handle, walk->pos, walk->length);
	handle_deafen(handle);
	err = walk_range(handle->disk, walk, &mapping->visitor);
	if (err || !mapping->faulty)
		return err;
	return handle_faults(handle, handle->disk->depth);
}

/**
 * vhdx_disk_map() - visit the extents of a range
 * @handle: the handle, open; for sectors with its parents
 * @unit: VHDX_MAP_BLOCKS or VHDX_MAP_SECTORS
 * @pos: byte offset on the disk, of a sector
 * @length: bytes, of whole sectors
 * @visit: receives the extents
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno: -EUCLEAN if extents are
 * faulty.
 */
int vhdx_disk_map(struct vhdx_disk *handle, unsigned int unit, uint64_t pos,
		  uint64_t length, vhdx_visit_t visit, void *context)
{
	bool sectors = unit == VHDX_MAP_SECTORS;
	struct mapping mapping = {
		.visitor.visit = take,
		.handle = handle,
		.visit = visit,
		.context = context,
	};
	const struct walk walk = {
		.unit = sectors ? WALK_SECTORS : WALK_BLOCKS,
		.pos = pos,
		.length = length,
		.progress = &handle->progress,
	};
	int err = handle_begin(handle, sectors ? HANDLE_WHOLE : HANDLE_OPEN);

	if (err)
		return err;
	if (unit > VHDX_MAP_SECTORS) {
		msg_err("unknown unit of a map: %u", unit);
		return handle_end(handle, -EINVAL);
	}
	return handle_end(handle, map(&mapping, &walk));
}
