/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay on disk: a dirty image needs it before a writer may change it
 * ([MS-VHDX] 2.3.3). A reader does without: see replay.h.
 *
 * recover.c APIs:
 *   vhdx_image_recover()	apply the log in place and empty it
 */
#ifndef VHDX_RECOVER_H
#define VHDX_RECOVER_H

#include "image.h"

int vhdx_image_recover(struct vhdx_image *image);

#endif /* VHDX_RECOVER_H */
