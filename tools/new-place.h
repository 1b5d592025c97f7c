/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that gets its name when it is whole: until then it lies in a directory of
 * its own, beside that name, which only its owner may enter.
 *
 * new-place.c APIs:
 *   new_place_begin()	make the directory
 *   new_place_keep()	give the file its name
 *   new_place_drop()	remove what is left of it
 */
#ifndef NEW_PLACE_H
#define NEW_PLACE_H

#include "env.h"

/**
 * struct new_place - where a new file is
 * @name: the name that it is to have
 * @directory: where it is until then, NULL if nowhere
 * @path: of the file there
 * @device: @name is a block device, which is written where it is, and is @path
 */
struct new_place {
	const char *name;
	char *directory;
	char *path;
	bool device;
};

int new_place_begin(struct new_place *place, const char *name, bool force);
int new_place_keep(struct new_place *place);
void new_place_drop(struct new_place *place);

#endif /* NEW_PLACE_H */
