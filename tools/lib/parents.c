// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "header.h"
#include "message.h"
#include "names.h"
#include "parents.h"
#include "place.h"
#include "store-user.h"

/* Windows separates by a backslash and takes a slash as well. */
#define SEPARATORS	"\\/"

/*
 * Directories that are listed for one path.  "a\..\a\.." beside the directories
 * "a" and "A" would double the ways at each step.
 */
#define LISTINGS_MAX	1024U

/**
 * struct search - one parent that is looked for
 * @locator: of the child
 * @child: the child's path
 * @first: the first file that has a name of the locator's, or NULL
 * @right: a file that has the identity, or NULL
 * @other: another one that has it, so that none can be chosen, or NULL
 * @settled: @right has the name to the letter: no other one matters
 * @listings: directories that were listed for this path so far
 */
struct search {
	const struct vhdx_locator *locator;
	const char *child;
	char *first;
	char *right;
	char *other;
	bool settled;
	unsigned int listings;
};

/**
 * struct steps - a path of Windows, taken apart
 * @buffer: holds the names
 * @name: one of each directory, and the file's
 * @count: how many
 */
struct steps {
	char *buffer;
	char **name;
	size_t count;
};

static bool steps_split(struct steps *steps, const char *windows)
{
	char *rest, *name;

	*steps = (struct steps){
		.buffer = strdup(windows),
		.name = calloc(strlen(windows) + 1, sizeof(*steps->name)),
	};
	rest = steps->buffer;
	while (steps->buffer && steps->name &&
	       (name = strsep(&rest, SEPARATORS)))
		if (*name && strcmp(name, "."))
			steps->name[steps->count++] = name;
	return steps->count;
}

static void steps_free(struct steps *steps)
{
	free(steps->buffer);
	free(steps->name);
}

/* Append "/name" to a path; false if it grows too long. */
static bool path_add(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);
	int n = snprintf(path + len, PATH_MAX - len, "/%s", name);

	return n > 0 && (size_t)n < PATH_MAX - len;
}

static bool same_file(const char *a, const char *b)
{
	struct stat st_a, st_b;

	return !stat(a, &st_a) && !stat(b, &st_b) &&
	       st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
}

/* A search opens no pipe, and nothing that it could not read. */
static bool is_openable(const char *path)
{
	struct stat st;

	return !stat(path, &st) &&
	       (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* Is this file the parent that the locator means? Silent: it is a search. */
static bool is_meant(const struct vhdx_locator *locator, const char *path)
{
	const struct vhdx_header *current;
	struct vhdx_headers headers;
	struct user_store user;
	bool meant = false;
	int place, err;

	place = place_find_at(AT_FDCWD, path, O_PATH, RESOLVE_NO_MAGICLINKS);
	if (place < 0)
		return false;
	err = place_is_image(place) && !access(path, R_OK) ?
	      user_store_open_place(&user, place, path, USER_PEEK) : -EACCES;
	close(place);
	if (err)
		return false;
	if (!vhdx_file_id_check(&user.store, &vhdx_report_silent) &&
	    !vhdx_headers_read(&user.store, &headers, &vhdx_report_silent)) {
		current = vhdx_header_current(&headers);
		meant = vhdx_locator_matches(locator,
					     &current->data_write_guid);
	}
	user_store_close(&user);
	return meant;
}

/* Takes @path, which is the caller's to forget. */
static void take_right(struct search *search, char *path, bool letter)
{
	if (letter || !search->right) {
		free(search->right);
		search->right = path;
		search->settled = letter;
	} else if (search->other || same_file(path, search->right)) {
		free(path);
	} else {
		search->other = path;
	}
}

/*
 * Look at one file. The first that has the name is remembered, for if none is
 * right then that one is worth talking about.
 */
static void consider(struct search *search, const char *path, bool letter)
{
	char *real = realpath(path, NULL);

	if (!real || !is_openable(real)) {
		free(real);
		return;
	}
	if (!search->first)
		search->first = strdup(real);
	if (is_meant(search->locator, real))
		take_right(search, real, letter);
	else
		free(real);
}

static void follow(struct search *search, char path[PATH_MAX],
		   char *const *name, size_t count, bool letter);

/* The names in a directory that are like the next one, but not the same. */
static void follow_like(struct search *search, char path[PATH_MAX],
			char *const *name, size_t count)
{
	size_t len = strlen(path);
	struct dirent *entry;
	DIR *dir;

	if (search->listings++ >= LISTINGS_MAX)
		return;
	dir = opendir(*path ? path : "/");
	while (dir && !search->settled && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, *name) ||
		    !name_like(entry->d_name, *name))
			continue;
		if (path_add(path, entry->d_name))
			follow(search, path, name + 1, count - 1, false);
		path[len] = '\0';
	}
	if (dir)
		closedir(dir);
}

/*
 * Go on from @path by @count names, each to the letter first. A path has a
 * longest length, so this goes no deeper than some two thousand.
 */
static void follow(struct search *search, char path[PATH_MAX],
		   char *const *name, size_t count, bool letter)
{
	size_t len = strlen(path);

	if (!count) {
		consider(search, path, letter);
		return;
	}
	if (path_add(path, *name) && !access(path, F_OK))
		follow(search, path, name + 1, count - 1, letter);
	path[len] = '\0';
	if (!search->settled)
		follow_like(search, path, name, count);
}

/* Follow a path of Windows from a directory. */
static void try_path(struct search *search, const char *directory,
		     const char *windows)
{
	char path[PATH_MAX];
	struct steps steps = { 0 };
	int n = snprintf(path, sizeof(path), "%s", directory);

	search->listings = 0;
	if (n >= 0 && (size_t)n < sizeof(path) && steps_split(&steps, windows))
		follow(search, path, steps.name, steps.count, true);
	steps_free(&steps);
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

/* Has the search come to an end, in one way or another? */
static bool is_over(const struct search *search)
{
	return search->right;
}

static void try_names(struct search *search, const char *directory)
{
	const char *const paths[] = {
		search->locator->relative_path,
		search->locator->volume_path,
		search->locator->absolute_path,
	};
	size_t i;

	if (paths[0])
		try_path(search, directory, paths[0]);
	for (i = 0; i < ARRAY_SIZE(paths) && !is_over(search); i++)
		if (paths[i])
			try_path(search, directory, file_name(paths[i]));
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Every file beside the child, under any name. */
static void try_all(struct search *search, const char *directory)
{
	DIR *dir = opendir(*directory ? directory : "/");
	char *first = search->first;
	char path[PATH_MAX];
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s", directory);
		if (path_add(path, entry->d_name) && is_file(path) &&
		    !same_file(path, search->child))
			consider(search, path, false);
	}
	if (dir)
		closedir(dir);
	/* One of another name and identity is nothing to talk about. */
	if (!first) {
		free(search->first);
		search->first = NULL;
	}
}

static const char *recorded_name(const struct vhdx_locator *locator)
{
	if (locator->relative_path)
		return locator->relative_path;
	if (locator->absolute_path)
		return locator->absolute_path;
	return locator->volume_path ? locator->volume_path : "not recorded";
}

static int refuse_ambiguity(const struct search *search)
{
	msg_err("%s: more than one file has the identity of its parent: %s and %s; name one with --parent",
		search->child, search->right, search->other);
	return -ENOLINK;
}

static int search_all(struct search *search, const char *directory,
		      bool any_identity)
{
	bool named;

	try_names(search, directory);
	named = is_over(search);
	if (!named && !(any_identity && search->first))
		try_all(search, directory);
	if (search->other)
		return refuse_ambiguity(search);
	if (search->right && !named)
		msg_info("%s: its parent is %s, which has the identity that was recorded; its name was %s",
			 search->child, search->right,
			 recorded_name(search->locator));
	return 0;
}

/**
 * parent_find() - find the parent's path
 * @locator: of the child
 * @child: the child's own path, without symbolic links
 * @any_identity: a file of the right name is enough
 * @found: the path of the parent that the locator means, for free(); else of the
 *	first file of its name, which the chain's check will refuse unless
 *	@any_identity; else NULL
 *
 * Return: 0; -ENOLINK, after a message, if several files are equally right;
 * -ENOMEM.
 */
int parent_find(const struct vhdx_locator *locator, const char *child,
		bool any_identity, char **found)
{
	struct search search = { .locator = locator, .child = child };
	const char *slash = strrchr(child, '/');
	char *directory;
	int err;

	directory = strndup(child, slash ? (size_t)(slash - child) : 0);
	if (!directory)
		return -ENOMEM;
	err = search_all(&search, directory, any_identity);
	free(directory);
	*found = NULL;
	if (!err && search.right)
		swap(*found, search.right);
	else if (!err)
		swap(*found, search.first);
	free(search.first);
	free(search.right);
	free(search.other);
	return err;
}
