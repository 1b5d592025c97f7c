/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of device-mapper, as far as vhdxsetup needs them; the only file that
 * speaks libdevmapper.
 *
 * dmdev.c APIs:
 *   dmdev_begin()	may we, and does the kernel know device-mapper?
 *   dmdev_target()	the version of a target, if the kernel has it
 *   dmdev_create()	make a device of one target
 *   dmdev_suspend()	let its I/O wait
 *   dmdev_freeze()	likewise, with the file system on it at rest
 *   dmdev_resume()	and go on
 *   dmdev_load()	load a table beside the one that is live
 *   dmdev_clear()	drop it again
 *   dmdev_swap()	have it become the live one
 *   dmdev_settle()	wait for what udev does about that
 *   dmdev_message()	send a message to the target
 *   dmdev_remove()	take a device away
 *   dmdev_query()	learn all about a device
 *   dmdev_forget()	free what dmdev_query() learned
 *   dmdev_each()	go through all devices
 *   dmdev_path()	where a device is
 *   dmdev_name_of()	the device that is at a path
 *   dmdev_block_name()	what the kernel calls any block device
 * dmdev.h APIs:
 *   dmdev_is_vhdx()		is it one of ours?
 *   dmdev_number()		its number, as device-mapper counts
 */
#ifndef DMDEV_H
#define DMDEV_H

#include "env.h"

#define TARGET_TYPE	"vhdx"

/* How the UUID of a device begins: tools/boot/60-vhdx.rules look for that. */
#define DMDEV_USUAL	"VHDX-"
/* And of one that udev's rules are to leave alone. */
#define DMDEV_PRIVATE	"VHDXPRIVATE-"

/**
 * struct dmdev - a device
 * @name: in /dev/mapper
 * @uuid: empty if it has none
 * @major: number
 * @minor: number
 * @open_count: how many have it open
 * @read_only: it takes no writes
 * @suspended: its I/O waits
 * @inactive: a table is loaded that is not live
 * @sectors: length in units of 512 bytes
 * @target: type of its first target, NULL without a table
 * @table: that target's table line, NULL without a table
 * @status: and its status
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
 * struct dmdev_spec - a device to be made
 * @name: in /dev/mapper
 * @uuid: unique among all devices; DMDEV_PRIVATE begins it if the rules of udev
 *	are kept off
 * @sectors: length in units of 512 bytes
 * @read_only: it takes no writes
 * @params: the target's part of the table line
 */
struct dmdev_spec {
	const char *name;
	const char *uuid;
	u64 sectors;
	bool read_only;
	const char *params;
};

/**
 * struct dmdev_swap - a table that becomes the live one
 * @freeze: the file system on the device comes to rest first; else bios that
 *	wait for room go to the new table, too
 * @nsecs: set to how long the device was paused, at most
 * @cookie: for dmdev_settle()
 */
struct dmdev_swap {
	bool freeze;
	u64 nsecs;
	u32 cookie;
};

/* What to do if a device that is to be removed is in use. */
enum dmdev_removal {
	DMDEV_REMOVE_AT_ONCE,	/* or not at all */
	DMDEV_REMOVE_RETRY,	/* try for a few seconds */
	DMDEV_REMOVE_DEFERRED,	/* have it go when its last user does */
};

int dmdev_begin(void);
int dmdev_target(const char *type, u32 version[3]);
int dmdev_create(const struct dmdev_spec *spec);
int dmdev_suspend(const char *name);
int dmdev_freeze(const char *name);
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
 * dmdev_is_vhdx() - is it one of ours?
 * @dev: from dmdev_query()
 *
 * Return: true if its table is of the vhdx target.
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
