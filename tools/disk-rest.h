/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rest of a disk: what lies behind all that disk-needs.h knows. Nobody knows
 * what it is for, so what is not zero may be somebody's.
 *
 * disk-rest.c APIs:
 *   disk_rest_look()	read it, and find what is not zero
 *   disk_rest_unread()	count the bytes that this would read
 */
#ifndef DISK_REST_H
#define DISK_REST_H

#include "disk-needs.h"

/**
 * struct disk_rest - what is not zero
 * @from: byte offset of the first sector of it
 * @end: byte behind the last sector of it; 0 if there is none
 */
struct disk_rest {
	u64 from;
	u64 end;
};

int disk_rest_look(struct disk *disk, const struct disk_needs *needs, u64 from,
		   struct disk_rest *rest);
int disk_rest_unread(struct disk *disk, u64 from, u64 *bytes);

#endif /* DISK_REST_H */
