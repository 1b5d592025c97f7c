// SPDX-License-Identifier: GPL-2.0-only
#include "mend.h"

/* Return true if a part of the range is lost because the file is cut. */
static bool is_cut(const struct vhdx_mend *mend, u64 pos, size_t len)
{
	return pos + len > mend->below->size && pos < mend->lost_end;
}

/*
 * If the log replaces all of a page, the page need not be readable.
 */
static bool is_patched(const struct vhdx_mend *mend, u64 pos, size_t len)
{
	bool patched = false;

	return mend->replay &&
	       vhdx_replay_clip(mend->replay, pos, len, &patched) == len &&
	       patched;
}

static int read_file(struct vhdx_mend *mend, u64 pos, u8 *buf, size_t len)
{
	int r;

	if (is_patched(mend, pos, len))
		r = 0;
	else if (is_cut(mend, pos, len))
		r = -EIO;
	else
		r = mend->below->ops->read(mend->below, pos, buf, len);
	if (!r && mend->replay)
		r = vhdx_replay_apply(mend->replay, mend->below, pos, buf, len);
	return r;
}

static void apply_plates(const struct vhdx_mend *mend, u64 pos, u8 *buf,
			 size_t len)
{
	u32 i;

	for (i = 0; i < mend->plates; i++) {
		const struct vhdx_plate *plate = &mend->plate[i];
		u64 start = max(pos, plate->pos);
		u64 end = min(pos + len, plate->pos + plate->length);

		if (start < end)
			memcpy(buf + (start - pos),
			       plate->data + (start - plate->pos), end - start);
	}
}

/* Return true if a plate covers all of the page at @pos. */
static bool has_plate(const struct vhdx_mend *mend, u64 pos)
{
	u32 i;

	for (i = 0; i < mend->plates; i++)
		if (pos >= mend->plate[i].pos &&
		    pos < mend->plate[i].pos + mend->plate[i].length)
			return true;
	return false;
}

/* Read a page of the BAT. Unreadable parts become lost entries. */
static void read_bat_page(struct vhdx_mend *mend, u64 pos, __le64 *entries)
{
	u64 end = mend->below->size;
	enum vhdx_lost lost = VHDX_LOST_ENTRY;
	u32 i = 0;

	if (is_cut(mend, pos, VHDX_PAGE) &&
	    !is_patched(mend, pos, VHDX_PAGE)) {
		lost = VHDX_LOST_ENTRY_END;
		if (pos < end && !mend->below->ops->read(mend->below, pos,
							 entries, VHDX_PAGE))
			i = (end - pos) / sizeof(*entries);
	} else if (!read_file(mend, pos, (u8 *)entries, VHDX_PAGE)) {
		i = VHDX_BAT_ENTRIES_PER_PAGE;
	}
	for (; i < VHDX_BAT_ENTRIES_PER_PAGE; i++)
		entries[i] = cpu_to_le64(vhdx_lost_entry(lost));
	if (mend->revise)
		mend->revise(mend->context,
			     (pos - mend->bat_start) / sizeof(*entries),
			     entries, VHDX_BAT_ENTRIES_PER_PAGE);
}

/* Read a range page by page: pages may come from different places. */
static int read_pages(struct vhdx_mend *mend, u64 pos, u8 *buf, size_t len)
{
	size_t done;
	int r = 0;

	for (done = 0; done < len && !r; done += VHDX_PAGE) {
		u64 at = pos + done;

		if (at >= mend->bat_start && at < mend->bat_end)
			read_bat_page(mend, at, (__le64 *)(buf + done));
		else if (!has_plate(mend, at))
			r = read_file(mend, at, buf + done, VHDX_PAGE);
	}
	return r;
}

static bool is_whole(const struct vhdx_mend *mend, u64 pos, size_t len)
{
	return (pos >= mend->bat_end || pos + len <= mend->bat_start) &&
	       IS_ALIGNED(pos | len, VHDX_PAGE);
}

static int mend_read(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct vhdx_mend *mend = container_of(store, struct vhdx_mend, store);
	bool paged = IS_ALIGNED(pos | len, VHDX_PAGE);
	int r = -EIO;

	if (!paged || is_whole(mend, pos, len))
		r = read_file(mend, pos, buf, len);
	if (r && paged)
		r = read_pages(mend, pos, buf, len);
	if (!r)
		apply_plates(mend, pos, buf, len);
	return r;
}

static const struct vhdx_store_ops mend_ops = { .read = mend_read };

/**
 * vhdx_mend_init() - put a mended store over a damaged one
 * @mend: the mended store, for vhdx_mend_exit()
 * @below: the damaged store, which outlives it
 *
 * It has no plates yet, and is as long as @below.
 */
void vhdx_mend_init(struct vhdx_mend *mend, struct vhdx_store *below)
{
	*mend = (struct vhdx_mend){
		.store.ops = &mend_ops,
		.store.size = below->size,
		.below = below,
		.lost_end = U64_MAX,
	};
}

/**
 * vhdx_mend_exit() - free the plates
 * @mend: that no image uses any more
 */
void vhdx_mend_exit(struct vhdx_mend *mend)
{
	while (mend->plates)
		kvfree(mend->plate[--mend->plates].data);
}

/**
 * vhdx_mend_put() - replace bytes by a plate
 * @mend: the mended store, with fewer than VHDX_MEND_PLATES plates
 * @pos: byte offset in the file, a multiple of VHDX_PAGE
 * @data: the bytes, which vhdx_mend_exit() frees by kvfree()
 * @length: bytes, a multiple of VHDX_PAGE
 *
 * Plates do not overlap. The store becomes long enough for the plate.
 */
void vhdx_mend_put(struct vhdx_mend *mend, u64 pos, void *data, u32 length)
{
	mend->plate[mend->plates++] = (struct vhdx_plate){
		.pos = pos,
		.length = length,
		.data = data,
	};
	mend->store.size = max(mend->store.size, pos + length);
}

/**
 * vhdx_mend_clip() - test whether a range is lost because the file is cut
 * @mend: the mended store
 * @pos: byte offset in the file
 * @len: bytes, above 0, a multiple of @unit
 * @unit: bytes of a sector; one that is cut is lost as a whole
 * @lost: set to true if the first sector is lost
 *
 * Context: any.
 * Return: bytes from @pos on, up to @len and a multiple of @unit, for which
 * @lost holds.
 */
u64 vhdx_mend_clip(const struct vhdx_mend *mend, u64 pos, u64 len, u32 unit,
		   bool *lost)
{
	u64 size = mend->below->size;

	*lost = is_cut(mend, pos, unit);
	if (*lost && mend->lost_end > pos)
		return min(len, ALIGN(min(mend->lost_end - pos, len),
				      (u64)unit));
	if (!*lost && pos < size && size < mend->lost_end)
		return min(len, ALIGN_DOWN(size - pos, (u64)unit));
	return len;
}
