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
 * struct vhdx_census - what a check counted
 * @payload: payload blocks by their state, 0 to 7
 * @bitmaps: sector bitmap blocks that are present
 * @faulty: entries that failed their checks
 * @overlaps: blocks that share space with another one
 * @allocated: bytes of the file that payload and bitmap blocks occupy
 */
struct vhdx_census {
	u64 payload[8];
	u64 bitmaps;
	u64 faulty;
	u64 overlaps;
	u64 allocated;
};

/**
 * struct vhdx_progress - who wants to know how far a check has come
 * @step: called now and then with entries done and entries in all; a nonzero
 *	return stops the check, which then returns it
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
