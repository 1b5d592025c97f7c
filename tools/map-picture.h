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

#include "map-walk.h"

int map_picture(struct disk *disk, struct progress *progress);

#endif /* MAP_PICTURE_H */
