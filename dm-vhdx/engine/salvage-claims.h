/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Salvage: blocks that claim the same space of the file.
 *
 * QEMU before 7.2.2 spoils a page of the BAT when it changes the page's first
 * entry: all others move up by one, and the last one is lost. QEMU allocates at
 * the end of the file. So an entry whose block lies before that of the first
 * entry is older, and has moved. An entry whose block lies behind it was
 * written later, and is in its place. Entries are moved back only if the image
 * shows that this happened: it has a sector bitmap although it has no parent,
 * or a block past the end of the disk.
 *
 * If several blocks still claim the same space, the most likely owner keeps it.
 * The other blocks are lost.
 *
 * salvage-claims.c APIs:
 *   vhdx_salvage_claims()	find the owners, and correct the BAT
 *   vhdx_claims_move_back()	correct a page that QEMU spoiled
 */
#ifndef VHDX_SALVAGE_CLAIMS_H
#define VHDX_SALVAGE_CLAIMS_H

#include "salvage.h"

int vhdx_salvage_claims(struct vhdx_salvage *salvage, struct vhdx_image *image);
u32 vhdx_claims_move_back(const struct vhdx_bat *bat, u64 index,
			  __le64 *entries, bool orphans);

#endif /* VHDX_SALVAGE_CLAIMS_H */
