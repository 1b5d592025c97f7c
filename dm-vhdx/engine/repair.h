/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Repairs that need no guessing: rewrite the bad one of two copies. If the user
 * explicitly asks for it, also discard a log that cannot be replayed.
 *
 * A repair follows the rules for a writer: FileWriteGuid changes first. A crash
 * on the way leaves an image that opens as before, or repaired.
 *
 * repair.c APIs:
 *   vhdx_repair_headers()	rewrite the bad copy of the header
 *   vhdx_repair_regions()	rewrite the bad copy of the region table
 *   vhdx_repair_length()	extend a file that was cut short
 *   vhdx_repair_log()		discard a log that cannot be replayed
 */
#ifndef VHDX_REPAIR_H
#define VHDX_REPAIR_H

#include "image.h"

int vhdx_repair_headers(struct vhdx_image *image);
int vhdx_repair_regions(struct vhdx_image *image);
int vhdx_repair_length(struct vhdx_image *image, u64 size);
int vhdx_repair_log(struct vhdx_store *store, struct vhdx_report *report);

#endif /* VHDX_REPAIR_H */
