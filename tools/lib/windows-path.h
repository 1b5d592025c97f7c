/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths as Windows writes them, and as a parent locator holds them.
 *
 * windows-path.c APIs:
 *   windows_path_split()	take one apart
 *   windows_path_free()
 *   windows_path_leads_out()	does one lead out of where it begins?
 *   windows_path_name()	the name of the file
 */
#ifndef WINDOWS_PATH_H
#define WINDOWS_PATH_H

#include "env.h"

/**
 * struct windows_path - a path, taken apart
 * @buffer: holds the names
 * @name: one of each directory, and the file's
 * @count: how many
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
