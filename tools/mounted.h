/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work in a file system that is mounted for us alone: in a process of its own, whose mount
 * namespace nobody else sees and which goes with it. Nothing on it is run, and no
 * device node of it works.
 *
 * mounted.c APIs:
 *   mounted_do()	mount a file system, do some work in it, unmount it
 */
#ifndef MOUNTED_H
#define MOUNTED_H

#include "env.h"

/**
 * struct mounted - a file system, and the work in it
 * @node: path of its device
 * @type: of the file system, as the kernel names it
 * @writable: mount it for writing; otherwise only its journal is replayed
 * @work: called in the other process, with the directory; must print nothing. It sets
 *	@value and @text, and returns 0 or a negative errno.
 * @mounted: the file system was mounted
 * @value: from @work
 * @text: from @work
 */
struct mounted {
	const char *node;
	const char *type;
	bool writable;
	int (*work)(const char *directory, struct mounted *mounted);
	bool mounted;
	u64 value;
	char text[1024];
};

int mounted_do(struct mounted *mounted);

#endif /* MOUNTED_H */
