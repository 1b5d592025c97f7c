/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images that name a parent.
 *
 * siblings.c APIs:
 *   siblings_say()	print which ones are in the directories of a chain
 *   siblings_guard()	refuse a change after which they would not open
 *   siblings_say_but()	the same, but for those that are known
 */
#ifndef SIBLINGS_H
#define SIBLINGS_H

#include "open.h"

int siblings_say(const struct disk *disk, u32 nr, bool is_harmless, u32 *count);
int siblings_guard(const struct disk *disk, const char *path, bool force,
		   const char *does);
int siblings_say_but(const struct disk *disk, u32 nr, const char *const *known,
		     u32 known_count, bool is_harmless, u32 *count);

#endif /* SIBLINGS_H */
