// SPDX-License-Identifier: GPL-2.0-only
#include "child.h"

/**
 * struct newcomer - an absent block that is about to get space
 * @start: byte offset of the block on the virtual disk
 * @length: bytes of the block
 * @bitmap: entry of its chunk's sector bitmap
 * @no_bitmap: the sector bitmap block is absent, too
 * @stale: pages of the bitmap in which bits of the block are set
 * @stale_count: number of @stale
 */
struct newcomer {
	u64 start;
	u64 length;
	struct vhdx_spot bitmap;
	bool no_bitmap;
	struct vhdx_page *stale[VHDX_BITMAP_PAGES_MAX];
	u32 stale_count;
};

static int find_bits(const struct vhdx_session *session, u64 pos,
		     struct vhdx_page **page, struct vhdx_miss *miss)
{
	struct vhdx_image *image = session->image;
	u64 index = vhdx_bitmap_page(&image->bat, pos);

	*page = vhdx_page_map_find(&image->bitmap_pages, index);
	return *page ? 0 : vhdx_image_missed(image, &image->bitmap_pages,
					     index, miss);
}

/* Bytes from @pos on, up to @len, that the same page of the bitmap covers. */
static u64 bits_reach(const struct vhdx_bat *bat, u64 pos, u64 len)
{
	u64 reach = vhdx_bitmap_reach(bat);

	return min(len, reach - (pos & (reach - 1)));
}

/* Other programs leave stale bits for blocks that are not partially present. */
static int find_stale(const struct vhdx_session *session,
		      struct newcomer *block, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	u64 end = block->start + block->length;
	struct vhdx_page *page;
	u64 pos, len;
	int r;

	for (pos = block->start; pos < end; pos += len) {
		len = bits_reach(bat, pos, end - pos);
		r = find_bits(session, pos, &page, miss);
		if (r)
			return r;
		if (vhdx_bitmap_has(bat, page->data, pos, len))
			block->stale[block->stale_count++] = page;
	}
	return 0;
}

static int find_bitmap(const struct vhdx_session *session,
		       struct newcomer *block, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	u64 chunk = block->start >> (bat->block_shift + bat->ratio_shift);
	int r;

	r = vhdx_spot_entry(session, vhdx_bat_bitmap_index(bat, chunk),
			    &block->bitmap, miss);
	if (r)
		return r;
	block->no_bitmap = (int)vhdx_entry_state(block->bitmap.entry) !=
			   VHDX_BITMAP_PRESENT;
	return block->no_bitmap ? 0 : find_stale(session, block, miss);
}

/* Add all of the pages that change to the transaction, or none. */
static bool touch_all(struct vhdx_session *session, struct vhdx_spot *spot,
		      const struct newcomer *block)
{
	struct vhdx_journal *journal = &session->journal;
	u32 i;

	/*
	 * Pages that are in it already need no room, so this may ask for too
	 * much.
	 */
	if (!vhdx_journal_fits(journal, 2 + block->stale_count)) {
		WRITE_ONCE(session->crowded, true);
		return false;
	}
	vhdx_journal_touch(journal, spot->page);
	if (block->no_bitmap)
		vhdx_journal_touch(journal, block->bitmap.page);
	for (i = 0; i < block->stale_count; i++)
		vhdx_journal_touch(journal, block->stale[i]);
	return true;
}

static void clear_stale(const struct vhdx_bat *bat,
			const struct newcomer *block)
{
	u64 reach = vhdx_bitmap_reach(bat);
	u32 i;

	for (i = 0; i < block->stale_count; i++) {
		struct vhdx_page *page = block->stale[i];
		u64 pos = max(block->start, page->index * reach);

		vhdx_bitmap_clear(bat, page->data, pos,
				  block->start + block->length - pos);
	}
}

/* The space of a new bitmap block is zeroed, so all bits are clear. */
static void take_bitmap(struct vhdx_session *session, struct newcomer *block)
{
	u64 offset = session->prepared.bitmap;

	session->prepared.bitmap = 0;
	vhdx_spot_publish(&block->bitmap, offset | VHDX_BITMAP_PRESENT);
	session->last_end = max(session->last_end,
				offset + VHDX_BITMAP_BLOCK_SIZE);
	session->stats.bitmaps++;
}

/**
 * vhdx_child_allocate() - give a block that shows the parent space
 * @session: the session of a child
 * @spot: the block
 * @pos: byte offset on the virtual disk of a byte in it
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * The block becomes partially present and still shows the parent.
 *
 * Context: under the pool's lock.
 * Return: 0, -EAGAIN, -EBUSY if the transaction must be committed first,
 * -EINPROGRESS or -ENOSPC if no space is prepared, or -EIO if the entry of the
 * bitmap failed its checks.
 */
int vhdx_child_allocate(struct vhdx_session *session, struct vhdx_spot *spot,
			u64 pos, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	struct newcomer block = {
		.start = ALIGN_DOWN(pos, vhdx_bat_block_size(bat)),
	};
	int r;

	block.length = min(vhdx_bat_block_size(bat), bat->size - block.start);
	r = find_bitmap(session, &block, miss);
	if (r)
		return r;
	if (block.no_bitmap && !session->prepared.bitmap) {
		WRITE_ONCE(session->prepared.wants_bitmap, true);
		return vhdx_spot_short_of(session);
	}
	if (!session->prepared.count)
		return vhdx_spot_short_of(session);
	if (!touch_all(session, spot, &block))
		return -EBUSY;
	if (block.no_bitmap)
		take_bitmap(session, &block);
	clear_stale(bat, &block);
	/* Pairs with the barrier in look_at_bitmap(). */
	smp_wmb();
	vhdx_spot_take(session, spot, VHDX_BLOCK_PARTIALLY_PRESENT);
	return 0;
}

/**
 * vhdx_child_lacks() - test whether part of a range is the parent's
 * @session: the session
 * @spot: the block, present, and the part of the range in it
 * @pos: byte offset of the range on the virtual disk
 *
 * Context: under the pool's lock.
 * Return: true if a bit is clear, or if its page is not resident.
 */
bool vhdx_child_lacks(const struct vhdx_session *session,
		      const struct vhdx_spot *spot, u64 pos)
{
	const struct vhdx_bat *bat = &session->image->bat;
	u64 end = pos + spot->length;
	struct vhdx_miss miss;
	struct vhdx_page *page;
	u64 len;

	if (!bat->differencing ||
	    vhdx_entry_state(spot->entry) != VHDX_BLOCK_PARTIALLY_PRESENT)
		return false;
	for (; pos < end; pos += len) {
		len = bits_reach(bat, pos, end - pos);
		if (find_bits(session, pos, &page, &miss) ||
		    vhdx_bitmap_lacks(bat, page->data, pos, len))
			return true;
	}
	return false;
}

/* The part of a range that one page of the bitmap covers. */
static int set_bits(struct vhdx_session *session, u64 pos, u64 len,
		    struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	struct vhdx_page *page;
	int r;

	r = find_bits(session, pos, &page, miss);
	if (r || !vhdx_bitmap_lacks(bat, page->data, pos, len))
		return r;
	if (!vhdx_journal_touch(&session->journal, page))
		return -EBUSY;
	vhdx_bitmap_set(bat, page->data, pos, len);
	return 0;
}

/*
 * The block may have been zeroed or discarded since, and may have other space
 * by now. It is not partially present then: only absent blocks become partially
 * present, and no block becomes absent. A flush has to make a discard durable then:
 * if a crash brought the block back, the bits of this write would be missing.
 */
static int set_block(struct vhdx_session *session, u64 pos, u64 len,
		     u64 *done, struct vhdx_miss *miss)
{
	struct vhdx_spot spot;
	u64 end, part;
	int r;

	r = vhdx_spot_find(session, pos, len, &spot, miss);
	if (r)
		return r;
	*done = spot.length;
	if (vhdx_entry_state(spot.entry) != VHDX_BLOCK_PARTIALLY_PRESENT) {
		vhdx_journal_hurry(&session->journal);
		return 0;
	}
	for (end = pos + spot.length; pos < end && !r; pos += part) {
		part = bits_reach(&session->image->bat, pos, end - pos);
		r = set_bits(session, pos, part, miss);
	}
	return r;
}

/**
 * vhdx_session_wrote() - set the bits of sectors that have been written
 * @session: the session
 * @pos: byte offset on the virtual disk, sector-aligned
 * @len: bytes, sector-aligned, above 0, in a run that was @absent
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * The store has completed the write, and the writer has not been told yet. The
 * caller repeats the call until it returns neither -EAGAIN nor -EBUSY. The next
 * commit makes the bits durable.
 *
 * Context: process context; takes the pool's lock; no I/O, no allocation.
 * Return: 0; -EAGAIN; -EBUSY if vhdx_session_work() with VHDX_WORK_BEGIN must
 * come first; -EROFS if the session has failed; -ENOSPC if it found no room to
 * begin again; or -EIO if the BAT entry failed its checks.
 */
int vhdx_session_wrote(struct vhdx_session *session, u64 pos, u64 len,
		       struct vhdx_miss *miss)
{
	spinlock_t *lock = &session->image->pool.lock;
	u64 done;
	int r;

	if (!session->image->bat.differencing)
		return 0;
	spin_lock(lock);
	r = vhdx_session_ready(session);
	while (!r && len) {
		r = set_block(session, pos, len, &done, miss);
		if (r)
			break;
		pos += done;
		len -= done;
	}
	spin_unlock(lock);
	return r;
}
