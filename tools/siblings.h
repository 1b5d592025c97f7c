/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images that name a parent.
 *
 * siblings.c APIs:
 *   siblings_say()	name those in the directories of a chain
 */
#ifndef SIBLINGS_H
#define SIBLINGS_H

#include "open.h"

int siblings_say(const struct disk *disk, u32 nr, bool is_harmless, u32 *count);

#endif /* SIBLINGS_H */
