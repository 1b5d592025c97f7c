/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A partition as a block device: the one that kpartx has mapped, or a private one for a
 * while, which the rules of udev do not look at.
 *
 * part-device.c APIs:
 *   part_device()		find or make the device of a part
 *   part_device_grow()		give it the length that the part has now
 *   part_device_end()		remove it, if it was made
 */
#ifndef PART_DEVICE_H
#define PART_DEVICE_H

#include "dmdev.h"
#include "inside.h"

/**
 * struct part_device - the device of a part
 * @name: name in /dev/mapper, for free()
 * @start: byte offset on the disk
 * @whole: it is the disk itself
 * @made: it is ours, and has to be removed
 * @disk: number of the disk
 */
struct part_device {
	char *name;
	u64 start;
	bool whole;
	bool made;
	dev_t disk;
};

int part_device(const struct dmdev *disk, const struct inside_part *part,
		struct part_device *device);
int part_device_grow(const struct part_device *device, u64 length);
int part_device_end(struct part_device *device);

#endif /* PART_DEVICE_H */
