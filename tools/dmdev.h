/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of device-mapper. No other files call libdevmapper.
 *
 * dmdev.c APIs:
 *   dmdev_begin()	check for permission and for device-mapper
 *   dmdev_works()	the same, without a message
 *   dmdev_target()	find the version of a target
 *   dmdev_create()	make a device of one target
 *   dmdev_suspend()	suspend a device
 *   dmdev_freeze()	suspend a device, with its file system frozen
 *   dmdev_pause()	suspend a device that is in use
 *   dmdev_resume()	resume a device
 *   dmdev_load()	load a table beside the live one
 *   dmdev_clear()	drop the table that is loaded and not live
 *   dmdev_swap()	make the loaded table the live one
 *   dmdev_settle()	wait for udev after a swap
 *   dmdev_message()	send a message to the target
 *   dmdev_remove()	remove a device
 *   dmdev_query()	query the state of a device
 *   dmdev_forget()	free the result of dmdev_query()
 *   dmdev_each()	visit all devices
 * dmdev-name.c APIs:
 *   dmdev_path()	make the path of a device
 *   dmdev_name_of()	find the name of a device in an argument
 *   dmdev_block_name()	find the kernel's name of a block device
 * dmdev.h APIs:
 *   dmdev_is_vhdx()		test whether a device is of the vhdx target
 *   dmdev_number()		the device's number, as device-mapper counts
 */
#ifndef DMDEV_H
#define DMDEV_H

#include "env.h"

#define TARGET_TYPE	"vhdx"

/* Prefix of the UUID of a device, which tools/boot/60-vhdx.rules match. */
#define DMDEV_USUAL	"VHDX-"
/* Prefix of the UUID of a private device, which udev's rules skip. */
#define DMDEV_PRIVATE	"VHDXPRIVATE-"

/**
 * struct dmdev - a device
 * @name: name in /dev/mapper
 * @uuid: UUID; empty if it has none
 * @major: major number
 * @minor: minor number
 * @open_count: number of opens
 * @read_only: the device refuses writes
 * @suspended: the device is suspended
 * @inactive: a table is loaded that is not live
 * @sectors: length in units of 512 bytes
 * @target: type of its first target, NULL without a table
 * @table: that target's table line, NULL without a table
 * @status: that target's status, NULL without a table
 * @parent: the first device below it, 0 if there is none
 */
struct dmdev {
	char *name;
	char *uuid;
	unsigned int major;
	unsigned int minor;
	int open_count;
	bool read_only;
	bool suspended;
	bool inactive;
	u64 sectors;
	char *target;
	char *table;
	char *status;
	u64 parent;
};

/**
 * struct dmdev_spec - a device to make
 * @name: name in /dev/mapper
 * @uuid: UUID, unique among all devices; DMDEV_PRIVATE is its prefix for a
 *	private device
 * @sectors: length in units of 512 bytes
 * @read_only: the device refuses writes
 * @params: the target's part of the table line
 * @target: type of the target; NULL for TARGET_TYPE
 */
struct dmdev_spec {
	const char *name;
	const char *uuid;
	u64 sectors;
	bool read_only;
	const char *params;
	const char *target;
};

/**
 * struct dmdev_swap - a swap of tables
 * @freeze: freeze the file system on the device first; otherwise bios that wait
 *	for room go to the new table, too
 * @nsecs: set to an upper bound of the time that the device was suspended
 * @cookie: for dmdev_settle()
 */
struct dmdev_swap {
	bool freeze;
	u64 nsecs;
	u32 cookie;
};

/* What to do if the device to remove is in use. */
enum dmdev_removal {
	DMDEV_REMOVE_AT_ONCE,	/* fail */
	DMDEV_REMOVE_RETRY,	/* try for a few seconds */
	DMDEV_REMOVE_DEFERRED,	/* have the last user's close remove it */
};

int dmdev_begin(void);
bool dmdev_works(void);
int dmdev_target(const char *type, u32 version[3]);
int dmdev_create(const struct dmdev_spec *spec);
int dmdev_suspend(const char *name);
int dmdev_freeze(const char *name);
int dmdev_pause(const char *name);
int dmdev_resume(const char *name);
int dmdev_load(const struct dmdev_spec *spec);
int dmdev_clear(const char *name);
int dmdev_swap(const char *name, struct dmdev_swap *swap);
void dmdev_settle(const struct dmdev_swap *swap);
int dmdev_message(const char *name, const char *text, char *answer,
		  size_t size);
int dmdev_remove(const char *name, enum dmdev_removal how);
int dmdev_query(const char *name, struct dmdev *dev);
void dmdev_forget(struct dmdev *dev);
int dmdev_each(int (*visit)(const struct dmdev *dev, void *context),
	       void *context);
const char *dmdev_path(const char *name, char path[PATH_MAX]);
const char *dmdev_name_of(const char *arg);
bool dmdev_block_name(dev_t device, char *name, size_t size);

/**
 * dmdev_is_vhdx() - test whether a device is of the vhdx target
 * @dev: from dmdev_query()
 *
 * Return: true if its table has the vhdx target.
 */
static inline bool dmdev_is_vhdx(const struct dmdev *dev)
{
	return dev->target && !strcmp(dev->target, TARGET_TYPE);
}

/**
 * dmdev_number() - the device's number, as device-mapper counts
 * @dev: from dmdev_query()
 *
 * Return: major number in the upper 32 bits, minor in the lower.
 */
static inline u64 dmdev_number(const struct dmdev *dev)
{
	return (u64)dev->major << 32 | dev->minor;
}

#endif /* DMDEV_H */
