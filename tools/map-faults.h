/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faulty BAT entries that a walk meets.
 *
 * A walk finds a faulty entry with each page of the BAT that it comes to. What
 * is wrong is said afterwards, once for all blocks in a row.
 *
 * map-faults.c APIs:
 *   map_listen()	hear the findings
 *   map_faults()	say what is wrong with the blocks that a walk found faulty
 */
#ifndef MAP_FAULTS_H
#define MAP_FAULTS_H

#include "open.h"

/**
 * struct map_listener - hears the findings
 * @sink: the disk's
 * @least: what is less severe is not said
 * @deaf: nothing is said
 * @heard: there was an error among the findings, said or not
 */
struct map_listener {
	struct disk_sink sink;
	enum vhdx_severity least;
	bool deaf;
	bool heard;
};

void map_listen(struct map_listener *listener);
int map_faults(struct disk *disk, u32 depth, int err,
	       struct map_listener *listener);

#endif /* MAP_FAULTS_H */
