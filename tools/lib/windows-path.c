// SPDX-License-Identifier: GPL-2.0-only
#include "windows-path.h"

/* Windows separates names by backslashes, and accepts slashes. */
#define SEPARATORS	"\\/"

/**
 * windows_path_split() - split a path into names
 * @path: filled in; windows_path_free() is needed in any case
 * @text: the relative path
 *
 * Return: false if the path has no name, or without memory.
 */
bool windows_path_split(struct windows_path *path, const char *text)
{
	char *rest, *name;

	*path = (struct windows_path){
		.buffer = strdup(text),
		.name = calloc(strlen(text) + 1, sizeof(*path->name)),
	};
	rest = path->buffer;
	while (path->buffer && path->name && (name = strsep(&rest, SEPARATORS)))
		if (*name && strcmp(name, "."))
			path->name[path->count++] = name;
	return path->count;
}

/**
 * windows_path_free() - free the names of a path
 * @path: from windows_path_split()
 */
void windows_path_free(struct windows_path *path)
{
	free(path->buffer);
	free(path->name);
}

/**
 * windows_path_leads_out() - test whether a path leaves its first directory
 * @text: the relative path
 *
 * Looks at the text only, not at the file system.
 *
 * Return: true if any step goes above the directory where the path begins.
 */
bool windows_path_leads_out(const char *text)
{
	struct windows_path path;
	size_t depth = 0, i;
	bool out = false;

	windows_path_split(&path, text);
	for (i = 0; i < path.count && !out; i++) {
		if (strcmp(path.name[i], ".."))
			depth++;
		else if (depth)
			depth--;
		else
			out = true;
	}
	windows_path_free(&path);
	return out;
}

/**
 * windows_path_name() - find the file name of a path
 * @text: a path, absolute or relative
 *
 * Return: the part of @text behind its last separator.
 */
const char *windows_path_name(const char *text)
{
	const char *name = text;
	const char *p;

	for (p = text; *p; p++)
		if (strchr(SEPARATORS, *p))
			name = p + 1;
	return name;
}
