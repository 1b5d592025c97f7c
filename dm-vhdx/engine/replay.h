/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay in memory: a dirty image read as if its log had been replayed, with
 * not one byte of the file changed ([MS-VHDX] 2.3.3, footnote 5).
 *
 * A plan is a list of patches over the file, sorted by place, of which no two
 * cover the same byte: what the log changes more than once has its last
 * contents. It keeps no page's contents: those stay in the log, checksummed when
 * the log was found, and are fetched when a patched range is read.
 *
 * A zero descriptor makes one patch at the most, for zeros that touch are one
 * patch; a data descriptor makes two, its page and zeros behind it. So a plan
 * takes 1.25 bytes for each byte of the log, and 2.75 while it is made, whatever
 * the image says; and there is a limit of VHDX_LOG_CHANGES_MAX descriptors. All
 * images of a chain share that limit, see vhdx_chain_bound_logs(). The memory is
 * charged to who opens the image.
 *
 * replay.c APIs:
 *   vhdx_replay_plan()		turn an active sequence into patches
 *   vhdx_replay_apply()	patch a buffer that was read from the file
 *   vhdx_replay_clip()		is a range of the file patched?
 *   vhdx_replay_fetch()	the page that a patch puts in place
 *   vhdx_replay_free()		forget the plan
 * flatten.c APIs:
 *   vhdx_flatten()		sort patches, and keep the last of each byte
 */
#ifndef VHDX_REPLAY_H
#define VHDX_REPLAY_H

#include "log.h"

/**
 * struct vhdx_patch - a range of the file that the log changes
 * @target: byte offset in the file
 * @length: bytes, a multiple of 4 KiB; 4 KiB if it is not of zeros
 * @source: byte offset in the file of the data sector in the log, or 0 for
 *	zeros
 * @leading: the first eight bytes of the page, as on disk
 * @trailing: its last four, as on disk
 */
struct vhdx_patch {
	u64 target;
	u64 length;
	u64 source;
	__le64 leading;
	__le32 trailing;
};

/**
 * struct vhdx_replay - all that the log changes
 * @patches: by ascending target; none overlap
 * @count: how many
 * @start: no patch begins before this byte of the file
 * @end: no patch reaches past this one
 * @file_size: the file has at least this length after a replay, in bytes
 */
struct vhdx_replay {
	struct vhdx_patch *patches;
	u32 count;
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
void vhdx_replay_free(struct vhdx_replay *replay);

#endif /* VHDX_REPLAY_H */
