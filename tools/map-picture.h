/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A picture of a disk in the terminal, in which each cell stands for some
 * blocks.
 *
 * map-picture.c APIs:
 *   map_picture()	draw a disk
 */
#ifndef MAP_PICTURE_H
#define MAP_PICTURE_H

#include "handle.h"

int map_picture(struct vhdx_disk *handle);

#endif /* MAP_PICTURE_H */
