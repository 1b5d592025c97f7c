// SPDX-License-Identifier: GPL-2.0-only
#include "windows-path.h"

/* Windows separates by a backslash and takes a slash as well. */
#define SEPARATORS	"\\/"

/**
 * windows_path_split() - take a path apart
 * @path: filled in, for windows_path_free() in either case
 * @text: the path, relative
 *
 * Return: true if it has a name at all, and there was memory.
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
 * windows_path_free() - free what a path was taken apart into
 * @path: from windows_path_split()
 */
void windows_path_free(struct windows_path *path)
{
	free(path->buffer);
	free(path->name);
}

/**
 * windows_path_leads_out() - does a path lead out of where it begins?
 * @text: the path, relative
 *
 * It is the text that is judged, whatever exists.
 *
 * Return: true if any step of it goes above the directory where it begins.
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
 * windows_path_name() - the name of the file
 * @text: a path, absolute or not
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
