/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A spot: one block of an image that is written, found in the BAT and held by
 * the pool's lock.
 *
 * spot.c APIs:
 *   vhdx_spot_find()		find a range's first block in the BAT
 *   vhdx_spot_entry()		find any entry in the BAT
 *   vhdx_spot_publish()	change the entry of the block
 *   vhdx_spot_take()		give the block space
 *   vhdx_spot_short_of()	there is no space prepared
 */
#ifndef VHDX_SPOT_H
#define VHDX_SPOT_H

#include "session.h"

/**
 * struct vhdx_spot - one block under the lock
 * @page: that holds its entry
 * @slot: index of the entry in the page
 * @index: of the entry in the BAT
 * @entry: its value
 * @in_block: byte offset of the request in the block
 * @length: bytes of the request in the block
 */
struct vhdx_spot {
	struct vhdx_page *page;
	u32 slot;
	u64 index;
	u64 entry;
	u64 in_block;
	u64 length;
};

int vhdx_spot_find(const struct vhdx_session *session, u64 pos, u64 len,
		   struct vhdx_spot *spot, struct vhdx_miss *miss);
int vhdx_spot_entry(const struct vhdx_session *session, u64 index,
		    struct vhdx_spot *spot, struct vhdx_miss *miss);
void vhdx_spot_publish(struct vhdx_spot *spot, u64 entry);
void vhdx_spot_take(struct vhdx_session *session, struct vhdx_spot *spot,
		    enum vhdx_block_state state);
int vhdx_spot_short_of(struct vhdx_session *session);

#endif /* VHDX_SPOT_H */
