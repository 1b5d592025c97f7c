/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay in memory: reads a dirty image as if its log had been replayed, and
 * changes no byte of the file ([MS-VHDX] 2.3.3, footnote 5).
 *
 * A plan is a list of patches over the file, sorted by target. No two patches
 * cover the same byte: if the log changes a byte more than once, the last
 * change counts. Page contents stay in the log, whose checksums were verified when it
 * was found, and are fetched when a patched range is read.
 *
 * A zero descriptor makes one patch at most, because adjacent zeros are merged
 * into one patch. A data descriptor makes two at most: its page, and zeros
 * after it. So a plan takes 1.25 bytes of memory for each byte of the log, and
 * 2.75 while it is built, whatever the image says. The number of descriptors is
 * limited to VHDX_LOG_CHANGES_MAX. All images of a chain share that limit, see
 * vhdx_chain_bound_logs(). The memory is charged to the task that opens the
 * image.
 *
 * A program that merges into an image which is read, see vhdx_image_lend(), replays
 * the log in place, and uses its space anew. Before that the pages are copied: as many
 * bytes as the log has data sectors.
 *
 * replay.c APIs:
 *   vhdx_replay_plan()		build patches from an active sequence
 *   vhdx_replay_apply()	patch a buffer that was read from the file
 *   vhdx_replay_clip()		test whether a range of the file is patched
 *   vhdx_replay_fetch()	read the page that a patch puts in place
 *   vhdx_replay_hold()		copy the pages of the log, which may change then
 *   vhdx_replay_free()		free the plan
 * flatten.c APIs:
 *   vhdx_flatten()		sort patches; keep the last one for each byte
 */
#ifndef VHDX_REPLAY_H
#define VHDX_REPLAY_H

#include "log.h"

/**
 * struct vhdx_patch - a range of the file that the log changes
 * @target: byte offset in the file
 * @length: bytes, a multiple of 4 KiB; exactly 4 KiB unless it writes zeros
 * @source: byte offset in the file of the data sector in the log; 0 for zeros
 * @leading: the first eight bytes of the page, in on-disk format
 * @trailing: the last four bytes of the page, in on-disk format
 * @slot: number of the page among those that have a source
 */
struct vhdx_patch {
	u64 target;
	u64 length;
	u64 source;
	__le64 leading;
	__le32 trailing;
	u32 slot;
};

/**
 * struct vhdx_replay - all changes that the log makes
 * @patches: the patches by ascending target; none overlap
 * @count: number of patches
 * @pages: number of patches that have a source
 * @held: copies of their pages, by slot; or NULL
 * @start: no patch begins before this byte of the file
 * @end: no patch reaches past this byte of the file
 * @file_size: minimum length of the file after a replay, in bytes
 */
struct vhdx_replay {
	struct vhdx_patch *patches;
	u32 count;
	u32 pages;
	u8 *held;
	u64 start;
	u64 end;
	u64 file_size;
};

int vhdx_flatten(struct vhdx_patch **patches, u32 *count);
int vhdx_replay_plan(struct vhdx_replay *replay, struct vhdx_store *store,
		     const struct vhdx_header *header,
		     const struct vhdx_log *log);
int vhdx_replay_apply(const struct vhdx_replay *replay,
		      struct vhdx_store *store, u64 pos, void *buf, size_t len);
u64 vhdx_replay_clip(const struct vhdx_replay *replay, u64 pos, u64 len,
		     bool *patched);
int vhdx_replay_fetch(const struct vhdx_patch *patch, struct vhdx_store *store,
		      u8 *page);
int vhdx_replay_hold(struct vhdx_replay *replay, struct vhdx_store *store);
void vhdx_replay_free(struct vhdx_replay *replay);

#endif /* VHDX_REPLAY_H */
