/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Have a live device continue in a new child of its image. All slow work precedes
 * the swap of the tables. A failure leaves the device as it was, and no child.
 *
 * snapshot.c APIs:
 *   snapshot_init()	of a device
 *   snapshot_check()	can it go on in a child?
 *   snapshot_name()	the name by which the child finds its parent
 *   snapshot_child()	where the child is to be
 *   snapshot_take()	make the child and go on in it
 *   snapshot_free()
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "dmdev.h"
#include "locator.h"
#include "report.h"

/**
 * struct snapshot - a device and its new child
 * @report: receives the engine's findings about the parent
 * @dev: present state of the device
 * @child: absolute path of the child
 * @parent: path of the image that the device writes; of a device, from
 *	snapshot_name() on, the name that the child records
 * @windows: the child records the paths of Windows that this has; NULL for none
 * @quiesce: file systems come to rest first
 * @exchange: the child gets the parent's name, and the parent the child's,
 *	before the device goes on in it: a crash at any time leaves the disk at
 *	that name. Nothing is said of a success.
 * @why: what for, if the device is read-only
 * @loud: print errors of the parent
 * @outside: the parent lies outside of the child's directory
 * @fd: descriptor of the new child, which identifies it whatever happens to its
 *	path
 * @parent_fd: likewise the parent
 * @guid: DataWriteGuid that the parent ends under
 * @tries: attempts that are left
 * @nsecs: set to how long I/O was held back, at most
 */
struct snapshot {
	struct vhdx_report report;
	struct dmdev dev;
	char *child;
	char *parent;
	const struct vhdx_locator *windows;
	bool quiesce;
	bool exchange;
	const char *why;
	bool loud;
	bool outside;
	int fd;
	int parent_fd;
	guid_t guid;
	int tries;
	u64 nsecs;
};

void snapshot_init(struct snapshot *snapshot);
int snapshot_check(struct snapshot *snapshot);
int snapshot_name(struct snapshot *snapshot, const char *given);
int snapshot_child(struct snapshot *snapshot, const char *path);
int snapshot_take(struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);

#endif /* SNAPSHOT_H */
