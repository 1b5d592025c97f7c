/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths as Windows writes them, and as a parent locator holds them.
 *
 * windows-path.c APIs:
 *   windows_path_split()	split a path into names
 *   windows_path_free()
 *   windows_path_leads_out()	test whether a path leaves its first directory
 *   windows_path_name()	find the file name of a path
 */
#ifndef WINDOWS_PATH_H
#define WINDOWS_PATH_H

#include "env.h"

/**
 * struct windows_path - a path, split into names
 * @buffer: holds the names
 * @name: names of the directories, and of the file
 * @count: number of names
 */
struct windows_path {
	char *buffer;
	char **name;
	size_t count;
};

bool windows_path_split(struct windows_path *path, const char *text);
void windows_path_free(struct windows_path *path);
bool windows_path_leads_out(const char *text);
const char *windows_path_name(const char *text);

#endif /* WINDOWS_PATH_H */
