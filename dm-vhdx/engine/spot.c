// SPDX-License-Identifier: GPL-2.0-only
#include "spot.h"

/**
 * vhdx_spot_entry() - find an entry in the BAT
 * @session: the session
 * @index: into the BAT
 * @spot: its page, slot, index and entry are set
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Context: under the pool's lock.
 * Return: 0, -EAGAIN, or -EIO if the entry failed its checks.
 */
int vhdx_spot_entry(const struct vhdx_session *session, u64 index,
		    struct vhdx_spot *spot, struct vhdx_miss *miss)
{
	struct vhdx_image *image = session->image;
	u64 page = index >> VHDX_BAT_ENTRIES_PER_PAGE_SHIFT;
	const __le64 *entries;

	spot->index = index;
	spot->slot = index & (VHDX_BAT_ENTRIES_PER_PAGE - 1);
	spot->page = vhdx_page_map_find(&image->bat_pages, page);
	if (!spot->page)
		return vhdx_image_missed(image, &image->bat_pages, page, miss);
	if (test_bit(spot->slot, spot->page->faulty))
		return -EIO;
	entries = spot->page->data;
	spot->entry = le64_to_cpu(entries[spot->slot]);
	return 0;
}

/**
 * vhdx_spot_find() - find the first block of a range in the BAT
 * @session: the session
 * @pos: byte offset on the virtual disk
 * @len: bytes, above 0
 * @spot: set to the block, and to the part of the range in it
 * @miss: on -EAGAIN, set to the page that vhdx_image_load() must load first
 *
 * Context: under the pool's lock.
 * Return: as vhdx_spot_entry().
 */
int vhdx_spot_find(const struct vhdx_session *session, u64 pos, u64 len,
		   struct vhdx_spot *spot, struct vhdx_miss *miss)
{
	const struct vhdx_bat *bat = &session->image->bat;
	u64 index = vhdx_bat_payload_index(bat, pos >> bat->block_shift);

	spot->in_block = pos & (vhdx_bat_block_size(bat) - 1);
	spot->length = min(len, vhdx_bat_block_size(bat) - spot->in_block);
	return vhdx_spot_entry(session, index, spot, miss);
}

/**
 * vhdx_spot_publish() - change the entry of the block
 * @spot: the block; its page is in the open transaction
 * @entry: the new value
 *
 * Readers take no lock, so this is a single store.
 *
 * Context: under the pool's lock.
 */
void vhdx_spot_publish(struct vhdx_spot *spot, u64 entry)
{
	__le64 *entries = spot->page->data;

	spot->entry = entry;
	WRITE_ONCE(entries[spot->slot], cpu_to_le64(entry));
}

/**
 * vhdx_spot_short_of() - ask for prepared space
 * @session: the session
 *
 * Context: under the pool's lock.
 * Return: -EINPROGRESS if vhdx_session_prepare() can help, or -ENOSPC if it
 * found no room.
 */
int vhdx_spot_short_of(struct vhdx_session *session)
{
	WRITE_ONCE(session->prepared.wanted, true);
	return session->no_space ? -ENOSPC : -EINPROGRESS;
}

/**
 * vhdx_spot_take() - give the block a prepared space
 * @session: the session, with a prepared block
 * @spot: the block; its page is in the open transaction
 * @state: the new state of the block
 *
 * Context: under the pool's lock.
 */
void vhdx_spot_take(struct vhdx_session *session, struct vhdx_spot *spot,
		    enum vhdx_block_state state)
{
	u64 offset = vhdx_session_take_prepared(session);

	vhdx_spot_publish(spot, offset | state);
	session->last_end =
		max(session->last_end,
		    offset + vhdx_bat_block_size(&session->image->bat));
	session->stats.allocated++;
}
