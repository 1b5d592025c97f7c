/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which file a name stands for. A name is looked up once. What it leads to is
 * held by a descriptor (O_PATH), which opens nothing: a watchdog starts when it
 * is opened, and a link can be changed between two look-ups. The file is judged
 * by that descriptor, and only then opened through it.
 *
 * place.c APIs:
 *   place_find()	look a name up, and refuse what can be no image
 *   place_find_at()	look a name up in a directory, without a word
 *   place_is_image()	can it be an image?
 *   place_open()	open what was found
 *   place_path()	a path of it that nobody can change
 *   place_name()	the name that it has now
 *   place_same()	are two of them the same file?
 *   place_same_stat()	the same of two results of stat()
 */
#ifndef PLACE_H
#define PLACE_H

#include <sys/stat.h>

#include "env.h"

/* For place_path(). */
#define PLACE_PATH_SIZE	32

int place_find(const char *path, int *place);
int place_find_at(int directory, const char *path, u64 flags, u64 resolve);
bool place_is_image(int place);
int place_open(int place, int flags);
const char *place_path(int place, char path[PLACE_PATH_SIZE]);
char *place_name(int place, const char *otherwise);
bool place_same(int a, int b);
bool place_same_stat(const struct stat *a, const struct stat *b);

#endif /* PLACE_H */
