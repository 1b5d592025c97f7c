/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole-image check: every BAT entry and every block's space, which opening
 * an image does not check. `vhdxsetup check` and `info` use it, and so does a
 * session before its first write.
 *
 * check.c APIs:
 *   vhdx_check_blocks()	check every entry, count states, find overlaps
 *   vhdx_check_space()		the same, and mark the occupied space in a map
 *   vhdx_check_empty()		test whether a child has nothing of its own
 */
#ifndef VHDX_CHECK_H
#define VHDX_CHECK_H

#include "image.h"
#include "space.h"

/**
 * struct vhdx_cut - losses of a truncated file
 * @blocks: payload blocks that lie wholly or partly past the end of the file
 * @first: number of the first one
 * @last: number of the last one
 * @bitmaps: sector bitmap blocks of a child that do so
 * @bytes: bytes of the virtual disk that are lost
 * @end: minimum length in bytes that the file should have
 */
struct vhdx_cut {
	u64 blocks;
	u64 first;
	u64 last;
	u64 bitmaps;
	u64 bytes;
	u64 end;
};

/**
 * struct vhdx_census - results of a check
 * @payload: payload blocks by their state, 0 to 7
 * @bitmaps: sector bitmap blocks that are present
 * @faulty: entries that failed their checks
 * @overlaps: blocks that share space with another one
 * @allocated: bytes of the file that payload and bitmap blocks occupy
 * @cut: blocks past the end of the file that the file may once have held
 */
struct vhdx_census {
	u64 payload[8];
	u64 bitmaps;
	u64 faulty;
	u64 overlaps;
	u64 allocated;
	struct vhdx_cut cut;
};

/**
 * struct vhdx_progress - receiver of a check's progress
 * @step: called periodically with the number of entries done and the total. If
 *	the check searches for the owners of shared space, the count runs
 *	through twice. A nonzero return stops the check, which returns that
 *	value.
 */
struct vhdx_progress {
	int (*step)(struct vhdx_progress *progress, u64 done, u64 total);
};

int vhdx_check_blocks(struct vhdx_image *image, struct vhdx_census *census,
		      struct vhdx_progress *progress,
		      struct vhdx_report *report);
int vhdx_check_space(struct vhdx_image *image, struct vhdx_space *space,
		     struct vhdx_census *census, struct vhdx_progress *progress,
		     struct vhdx_report *report);
bool vhdx_check_empty(struct vhdx_image *image);

#endif /* VHDX_CHECK_H */
