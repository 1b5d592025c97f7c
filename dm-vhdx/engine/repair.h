/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mending what can be mended without guessing: of two copies, the one that is
 * bad; and, if somebody who knows asks for it, a log that cannot be replayed.
 *
 * What is done is done as a writer does it: FileWriteGuid changes first, and a
 * crash on the way leaves an image that opens as it did before, or mended.
 *
 * repair.c APIs:
 *   vhdx_repair_headers()	write the copy of the header that is bad
 *   vhdx_repair_regions()	write the copy of the region table that is bad
 *   vhdx_repair_log()		give a log up that cannot be replayed
 */
#ifndef VHDX_REPAIR_H
#define VHDX_REPAIR_H

#include "image.h"

int vhdx_repair_headers(struct vhdx_image *image);
int vhdx_repair_regions(struct vhdx_image *image);
int vhdx_repair_log(struct vhdx_store *store, struct vhdx_report *report);

#endif /* VHDX_REPAIR_H */
