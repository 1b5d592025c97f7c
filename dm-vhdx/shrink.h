/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shrinker: metadata pages of all images are given up when the machine is
 * short of memory.
 *
 * shrink.c APIs:
 *   vhdx_shrink_init()
 *   vhdx_shrink_exit()
 */
#ifndef VHDX_SHRINK_H
#define VHDX_SHRINK_H

int vhdx_shrink_init(void);
void vhdx_shrink_exit(void);

#endif /* VHDX_SHRINK_H */
