/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole-image check: every BAT entry and every block's space, which an
 * open leaves to the moment of use. Serves `vhdxsetup check` and `info`, and a
 * session before its first write.
 *
 * check.c APIs:
 *   vhdx_check_blocks()	check every entry, count states, find overlaps
 *   vhdx_check_space()		the same, and remember what is occupied
 */
#ifndef VHDX_CHECK_H
#define VHDX_CHECK_H

#include "image.h"
#include "space.h"

/**
 * struct vhdx_cut - what a file lost that was cut short
 * @blocks: payload blocks of which the file holds nothing, or a part
 * @first: number of the first one
 * @last: number of the last one
 * @bytes: of the virtual disk that are lost
 * @end: bytes that the file should have at the least
 */
struct vhdx_cut {
	u64 blocks;
	u64 first;
	u64 last;
	u64 bytes;
	u64 end;
};

/**
 * struct vhdx_census - what a check counted
 * @payload: payload blocks by their state, 0 to 7
 * @bitmaps: sector bitmap blocks that are present
 * @faulty: entries that failed their checks
 * @overlaps: blocks that share space with another one
 * @allocated: bytes of the file that payload and bitmap blocks occupy
 * @cut: what lies past the end of the file, if it can have been there
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
 * struct vhdx_progress - who wants to know how far a check has come
 * @step: called now and then with entries done and entries in all, and twice if
 *	owners of shared space are looked for; a nonzero return stops the check,
 *	which then returns it
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

#endif /* VHDX_CHECK_H */
