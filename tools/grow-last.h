/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `resize --grow-last`: what is last on a disk that has grown, or all that is on it, gets
 * the new room. Programs of the distribution do it: sfdisk moves the backup of a GPT and
 * enlarges the partition, and the tools of the file system do the rest.
 *
 * What can be known to fail is found before the disk grows.
 *
 * grow-last.c APIs:
 *   grow_last_plan()	find out what is to grow, and whether it can
 *   grow_last_do()	have it grow, when the disk has grown
 *   grow_last_end()	end the plan
 * grow-contents.c APIs:
 *   grow_contents_plan()	find out whether a file system can grow
 *   grow_contents_check()	check it, before anything grows
 *   grow_contents()		have it grow
 *   grow_contents_hint()	how to do it by hand
 */
#ifndef GROW_LAST_H
#define GROW_LAST_H

#include "part-device.h"

struct grower;

/**
 * struct grow_last - what is to grow
 * @dev: the device of the disk
 * @name: what messages call the disk
 * @part: the part, as it was before
 * @table: the partition table of the disk
 * @sector: bytes of a logical sector
 * @device: the part as a device
 * @mount: where it is mounted, for free(); NULL if it is not
 * @grower: what has the file system grow
 * @devid: of btrfs: the number of this device in it
 * @length: bytes that the part has now
 */
struct grow_last {
	const struct dmdev *dev;
	const char *name;
	struct inside_part part;
	enum disk_table table;
	u32 sector;
	struct part_device device;
	char *mount;
	const struct grower *grower;
	u64 devid;
	u64 length;
};

int grow_last_plan(const struct dmdev *dev, const char *name,
		   struct grow_last *g);
int grow_last_do(struct grow_last *g);
int grow_last_end(struct grow_last *g);

int grow_contents_plan(struct grow_last *g);
int grow_contents_check(struct grow_last *g);
int grow_contents(const struct grow_last *g);
const char *grow_contents_hint(const struct grow_last *g);

#endif /* GROW_LAST_H */
