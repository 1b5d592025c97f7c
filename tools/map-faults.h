/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faulty BAT entries that a walk meets.
 *
 * A walk loads the BAT page by page, and each page causes findings. So the walk
 * is deaf, and a check afterwards reports runs of faulty blocks once.
 *
 * map-faults.c APIs:
 *   map_listen()	make a listener for findings
 *   map_faults()	report the faults of the blocks that a walk found faulty
 */
#ifndef MAP_FAULTS_H
#define MAP_FAULTS_H

#include "open.h"

/**
 * struct map_listener - receives the findings of a walk
 * @sink: sink of the disk
 * @least: least severity to print
 * @deaf: print nothing
 * @heard: one of the findings was an error, printed or not
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
