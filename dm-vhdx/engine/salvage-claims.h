/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Salvage: blocks that claim the same space of the file.
 *
 * QEMU before 7.2.2 spoils a page of the BAT when it changes the page's first
 * entry: all others move up by one, and the last one is lost. QEMU allocates at
 * the end of the file, so an entry whose block lies before that of the first
 * entry was there already, and has moved; one whose block lies behind was
 * written later, and is in its place. Entries are moved back only if the image
 * shows that this happened: a sector bitmap, or a block past the end of the
 * disk, in an image that has none.
 *
 * Of several blocks that claim the same space after that, the likely owner is
 * chosen. The others are lost.
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
