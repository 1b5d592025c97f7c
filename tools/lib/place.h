/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Look a name up once, and hold its file by a descriptor (O_PATH).
 *
 * Such a descriptor opens nothing: opening a watchdog would start it. And it
 * stays the same file: a link could change between two lookups. The type of the
 * file is checked by the descriptor, and then the file is opened through it.
 *
 * place.c APIs:
 *   place_find()	look a name up, and refuse what cannot be an image
 *   place_find_at()	look a name up in a directory, without a message
 *   place_list()	open a directory whose files are looked at
 *   place_entry()	look up a regular file of it that may be read
 *   place_is_image()	test whether a file can be an image
 *   place_open()	open the file of a descriptor
 *   place_path()	make a path that always leads to the file
 *   place_name()	find the present name of a file
 *   place_same()	test whether two descriptors are of one file
 *   place_same_stat()	test whether two results of stat() are of one file
 */
#ifndef PLACE_H
#define PLACE_H

#include <dirent.h>
#include <sys/stat.h>

#include "env.h"

/* Bytes of a path from place_path(). */
#define PLACE_PATH_SIZE	32

int place_find(const char *path, int *place);
int place_find_at(int directory, const char *path, u64 flags, u64 resolve);
DIR *place_list(const char *path);
int place_entry(DIR *dir, const char *name);
bool place_is_image(int place);
int place_open(int place, int flags);
const char *place_path(int place, char path[PLACE_PATH_SIZE]);
char *place_name(int place, const char *otherwise);
bool place_same(int a, int b);
bool place_same_stat(const struct stat *a, const struct stat *b);

#endif /* PLACE_H */
