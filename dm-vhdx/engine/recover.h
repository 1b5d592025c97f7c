/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay on disk: what a dirty image needs before it may be written
 * ([MS-VHDX] 2.3.3). A reader has no need of it: see replay.h.
 *
 * recover.c APIs:
 *   vhdx_image_recover()	put in place what the log holds, and empty it
 */
#ifndef VHDX_RECOVER_H
#define VHDX_RECOVER_H

#include "image.h"

int vhdx_image_recover(struct vhdx_image *image);

#endif /* VHDX_RECOVER_H */
