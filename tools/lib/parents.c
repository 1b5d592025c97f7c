// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "header.h"
#include "parents.h"
#include "store-user.h"

/* Windows separates by a backslash and takes a slash as well. */
#define SEPARATORS	"\\/"

/* Append "/name" to a path; false if it grows too long. */
static bool path_add(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);
	int n = snprintf(path + len, PATH_MAX - len, "/%s", name);

	return n > 0 && (size_t)n < PATH_MAX - len;
}

/* Find a name in a directory without regard to case. */
static bool path_add_nocase(char path[PATH_MAX], const char *name)
{
	DIR *dir = opendir(*path ? path : "/");
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		if (!strcasecmp(entry->d_name, name))
			found = path_add(path, entry->d_name);
	closedir(dir);
	return found;
}

/* Go one component down from @path: the very name, or one like it. */
static bool path_step(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);

	if (path_add(path, name) && !access(path, F_OK))
		return true;
	path[len] = '\0';
	return path_add_nocase(path, name);
}

/*
 * Follow a path of Windows from a directory.
 * Returns the path on Linux (the caller frees it), or NULL if nothing is there.
 */
static char *path_follow(const char *directory, const char *windows)
{
	char path[PATH_MAX];
	char *copy = strdup(windows);
	char *rest = copy;
	bool found = false;
	char *name;

	snprintf(path, sizeof(path), "%s", directory);
	while (copy && (name = strsep(&rest, SEPARATORS))) {
		if (!*name || !strcmp(name, "."))
			continue;
		found = path_step(path, name);
		if (!found)
			break;
	}
	free(copy);
	return found ? realpath(path, NULL) : NULL;
}

static bool is_openable(const char *path)
{
	struct stat st;

	return !stat(path, &st) &&
	       (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

static const char *file_name(const char *windows)
{
	const char *name = windows;
	const char *p;

	for (p = windows; *p; p++)
		if (strchr(SEPARATORS, *p))
			name = p + 1;
	return name;
}

/* Is this file the parent that the locator means? Silent: it is a search. */
static bool is_meant(const struct vhdx_locator *locator, const char *path)
{
	const struct vhdx_header *current;
	struct vhdx_headers headers;
	struct user_store user;
	bool meant = false;

	if (access(path, R_OK) || user_store_open(&user, path, USER_LOOK))
		return false;
	if (!vhdx_headers_read(&user.store, &headers, &vhdx_report_silent)) {
		current = vhdx_header_current(&headers);
		meant = vhdx_locator_matches(locator,
					     &current->data_write_guid);
	}
	user_store_close(&user);
	return meant;
}

/*
 * Look at one candidate. The first that exists is remembered in @first, for if
 * none is right then that one is worth talking about.
 */
static bool try_candidate(const struct vhdx_locator *locator,
			  const char *directory, const char *windows,
			  char **first)
{
	char *path = path_follow(directory, windows);

	if (!path || !is_openable(path)) {
		free(path);
		return false;
	}
	if (is_meant(locator, path)) {
		free(*first);
		*first = path;
		return true;
	}
	if (*first)
		free(path);
	else
		*first = path;
	return false;
}

/**
 * parent_find() - find the parent's path
 * @locator: of the child
 * @child: the child's own path, without symbolic links
 *
 * Return: the path of the parent that the locator means; else of the first
 * file found, which the chain's check will refuse; else NULL. The caller frees
 * it.
 */
char *parent_find(const struct vhdx_locator *locator, const char *child)
{
	const char *const paths[] = {
		locator->relative_path,
		locator->volume_path,
		locator->absolute_path,
	};
	const char *slash = strrchr(child, '/');
	char *found = NULL;
	char *directory;
	size_t i;

	directory = strndup(child, slash ? (size_t)(slash - child) : 0);
	if (!directory)
		return NULL;
	if (locator->relative_path &&
	    try_candidate(locator, directory, locator->relative_path, &found))
		goto out;
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i] && try_candidate(locator, directory,
					      file_name(paths[i]), &found))
			break;
out:
	free(directory);
	return found;
}
