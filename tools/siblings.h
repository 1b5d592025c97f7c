/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images that name a parent.
 *
 * siblings.c APIs:
 *   siblings_say()	name those in the directories of a chain
 *   siblings_guard()	refuse a change after which they would not open
 */
#ifndef SIBLINGS_H
#define SIBLINGS_H

#include "open.h"

int siblings_say(const struct disk *disk, u32 nr, bool is_harmless, u32 *count);
int siblings_guard(const struct disk *disk, const char *path, bool force,
		   const char *does);

#endif /* SIBLINGS_H */
