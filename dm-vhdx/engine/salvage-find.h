/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Salvage: search for structures, and judge what looks like one.
 *
 * The metadata has a signature. The BAT has none and is recognized by its
 * entries. A state has six of eight values, 17 bits of an entry are zeros, and
 * its offset lies in the file, so a page of data hardly ever looks like a BAT.
 *
 * salvage-find.c APIs:
 *   vhdx_find_metadata()	find the metadata region
 *   vhdx_find_bat()		find the BAT region
 *   vhdx_judge_entries()	judge whether bytes are entries of a BAT
 * salvage-guess.c APIs:
 *   vhdx_guess_geometry()	deduce block, sector and disk size
 */
#ifndef VHDX_SALVAGE_FIND_H
#define VHDX_SALVAGE_FIND_H

#include "salvage.h"

/**
 * struct vhdx_judgement - what a BAT is judged by
 * @inside: entries of blocks with space in the file
 * @outside: entries of blocks with space past its end
 * @bad: entries that no BAT has
 */
struct vhdx_judgement {
	u64 inside;
	u64 outside;
	u64 bad;
};

void vhdx_judge_entries(const __le64 *entries, u32 count, u64 file_size,
			struct vhdx_judgement *judgement);
int vhdx_find_metadata(struct vhdx_salvage *salvage);
int vhdx_find_bat(struct vhdx_salvage *salvage);
int vhdx_guess_geometry(struct vhdx_salvage *salvage);

#endif /* VHDX_SALVAGE_FIND_H */
