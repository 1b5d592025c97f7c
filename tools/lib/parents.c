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
#include "windows-path.h"

/*
 * Limit of the directories to list for one path. With "a\..\a\.." and the
 * directories "a" and "A", each step would double the number of ways.
 */
#define LISTINGS_MAX	1024U

/* Why a file is a candidate. */
enum reason {
	BY_LETTER,	/* it has the locator's name exactly */
	BY_LIKENESS,	/* its name is name_like() the locator's */
	BY_CHANCE,	/* it lies beside the child */
};

/**
 * struct search - the search for one parent
 * @wanted: what the caller wants
 * @directory: directory of the child; -1 if it is unknown or must not be
 *	searched
 * @first: the first file with a name of the locator's, or -1
 * @right: a file with the right identity, or -1
 * @other: a second one, so that the search cannot choose, or -1
 * @settled: @right has the exact name, so the search ends
 * @listings: number of directories listed for this path so far
 */
struct search {
	const struct parent_wanted *wanted;
	int directory;
	int first;
	int right;
	int other;
	bool settled;
	unsigned int listings;
};

/* Append a name to a path. Return false if the path would be too long. */
static bool path_add(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);
	int n = snprintf(path + len, PATH_MAX - len, "%s%s", len ? "/" : "",
			 name);

	return n > 0 && (size_t)n < PATH_MAX - len;
}

/*
 * Symbolic links cannot lead out of the directory either. Links of /proc are
 * never followed: they lead to files that some process has open.
 */
static int look_up(const struct search *search, const char *path, u64 flags)
{
	return place_find_at(search->directory, path, flags,
			     RESOLVE_NO_MAGICLINKS |
			     (search->wanted->anywhere ? 0 : RESOLVE_BENEATH));
}

static bool exists(const struct search *search, const char *path)
{
	int fd = look_up(search, path, O_PATH);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static DIR *list(const struct search *search, const char *path)
{
	int fd = look_up(search, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* Return true if the file has the identity. A search prints no findings. */
static bool is_meant(const struct vhdx_locator *locator, int place)
{
	const struct vhdx_header *current;
	char path[PLACE_PATH_SIZE];
	struct vhdx_headers headers;
	struct user_store user;
	bool meant = false;

	place_path(place, path);
	if (access(path, R_OK) ||
	    user_store_open_place(&user, place, path, USER_PEEK))
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

static void drop(int *place)
{
	if (*place >= 0)
		close(*place);
	*place = -1;
}

/* Record a file with the right identity. Consumes @place. */
static void take_right(struct search *search, int place, bool letter)
{
	if (letter || search->right < 0) {
		drop(&search->right);
		search->right = place;
		search->settled = letter;
	} else if (search->other >= 0 || place_same(place, search->right)) {
		close(place);
	} else {
		search->other = place;
	}
}

/*
 * Look at a candidate. Keep the first one that has the name, for any_identity
 * and for the message. Consumes @place.
 */
static void consider(struct search *search, int place, enum reason reason)
{
	if (!place_is_image(place)) {
		close(place);
		return;
	}
	if (is_meant(search->wanted->locator, place))
		take_right(search, place, reason == BY_LETTER);
	else if (reason != BY_CHANCE && search->first < 0)
		search->first = place;
	else
		close(place);
}

static void follow(struct search *search, char path[PATH_MAX],
		   char *const *name, size_t count, enum reason reason);

/* Try the names in a directory that are only name_like() the next one. */
static void follow_like(struct search *search, char path[PATH_MAX],
			char *const *name, size_t count)
{
	size_t len = strlen(path);
	struct dirent *entry;
	DIR *dir;

	if (search->listings++ >= LISTINGS_MAX)
		return;
	dir = list(search, path);
	while (dir && !search->settled && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, *name) ||
		    !name_like(entry->d_name, *name))
			continue;
		if (path_add(path, entry->d_name))
			follow(search, path, name + 1, count - 1, BY_LIKENESS);
		path[len] = '\0';
	}
	if (dir)
		closedir(dir);
}

/*
 * Continue from @path by @count names, and try the exact name first. The length
 * of a path bounds the recursion to about two thousand levels.
 */
static void follow(struct search *search, char path[PATH_MAX],
		   char *const *name, size_t count, enum reason reason)
{
	size_t len = strlen(path);
	int place;

	if (!count) {
		place = look_up(search, path, O_PATH);
		if (place >= 0)
			consider(search, place, reason);
		return;
	}
	if (path_add(path, *name) && exists(search, path))
		follow(search, path, name + 1, count - 1, reason);
	path[len] = '\0';
	if (!search->settled)
		follow_like(search, path, name, count);
}

/* Follow a path of Windows from the child's directory. */
static void try_path(struct search *search, const char *text)
{
	char path[PATH_MAX] = "";
	struct windows_path steps;

	/* Not what is there: the name is a stranger's. */
	msg_debug("%s: its parent is looked for by the path %s",
		  search->wanted->path, text);
	search->listings = 0;
	if (windows_path_split(&steps, text))
		follow(search, path, steps.name, steps.count, BY_LETTER);
	windows_path_free(&steps);
}

/* Return the relative path if it leads out of the directory, or NULL. */
static const char *forbidden_path(const struct search *search)
{
	const char *path = search->wanted->locator->relative_path;

	return path && !search->wanted->anywhere &&
	       windows_path_leads_out(path) ? path : NULL;
}

static void try_names(struct search *search)
{
	const struct vhdx_locator *locator = search->wanted->locator;
	const char *const paths[] = {
		locator->relative_path,
		locator->volume_path,
		locator->absolute_path,
	};
	size_t i;

	if (paths[0] && !forbidden_path(search))
		try_path(search, paths[0]);
	for (i = 0; i < ARRAY_SIZE(paths) && search->right < 0; i++)
		if (paths[i])
			try_path(search, windows_path_name(paths[i]));
}

static bool is_file(int place)
{
	struct stat st;

	return !fstat(place, &st) && S_ISREG(st.st_mode);
}

/* Try every file beside the child, whatever its name. */
static void try_all(struct search *search)
{
	DIR *dir = list(search, "");
	struct dirent *entry;
	int place;

	while (dir && (entry = readdir(dir))) {
		place = look_up(search, entry->d_name, O_PATH);
		if (place >= 0 && is_file(place) &&
		    !place_same(place, search->wanted->child->fd))
			consider(search, place, BY_CHANCE);
		else
			drop(&place);
	}
	if (dir)
		closedir(dir);
}

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

static const char *recorded_name(const struct vhdx_locator *locator)
{
	if (locator->relative_path)
		return locator->relative_path;
	if (locator->absolute_path)
		return locator->absolute_path;
	return locator->volume_path ? locator->volume_path : "not recorded";
}

static void say_renamed(const struct search *search)
{
	char *name = place_name(search->right, "a file beside it");

	if (name)
		msg_info("%s: its parent is %s, which has the identity that was recorded; its name was %s",
			 search->wanted->path, name,
			 recorded_name(search->wanted->locator));
	free(name);
}

static int refuse_ambiguity(const struct search *search)
{
	char *right = place_name(search->right, "one");
	char *other = place_name(search->other, "another one");

	if (right && other)
		msg_err("%s: more than one file has the identity of its parent: %s and %s; name one with --parent",
			search->wanted->path, right, other);
	free(right);
	free(other);
	return -ENOLINK;
}

/*
 * The message depends on the locator alone, so it reveals no file's existence.
 */
static int refuse(const struct search *search)
{
	const struct parent_wanted *wanted = search->wanted;
	const struct vhdx_locator *locator = wanted->locator;
	const char *outside = forbidden_path(search);

	if (search->directory < 0)
		msg_err("%s: parent not looked for: the image %s; name the parent with --parent",
			wanted->path, wanted->child->device ?
			"lies on a block device" : "has no name any more");
	else if (outside)
		msg_err("%s: parent not found: %s leads out of the directory of the image; --parents-anywhere follows it, --parent names another file",
			wanted->path, outside);
	else if (search->first >= 0)
		msg_err("%s: parent not found: what has the name %s does not match: it is another image, or was changed since; if it is named with --parent, more is said",
			wanted->path, recorded_name(locator));
	else
		msg_err("%s: parent not found; relative path: %s, volume path: %s, absolute path: %s; name it with --parent",
			wanted->path, or_none(locator->relative_path),
			or_none(locator->volume_path),
			or_none(locator->absolute_path));
	return -ENOLINK;
}

/*
 * Return the directory of the child, or -1 if its name does not lead to it any
 * more. The name has no symbolic link, so one that is there now is new and is
 * refused. The directory of a block device is not searched: it has the devices
 * of others.
 */
static int directory_of(const struct parent_wanted *wanted)
{
	const char *slash = strrchr(wanted->path, '/');
	char path[PATH_MAX];
	int directory, child;
	bool in_it;

	if (!slash || *wanted->path != '/' ||
	    (wanted->child->device && !wanted->anywhere))
		return -1;
	snprintf(path, sizeof(path), "%.*s", (int)(slash - wanted->path) + 1,
		 wanted->path);
	directory = place_find_at(AT_FDCWD, path, O_PATH | O_DIRECTORY,
				  RESOLVE_NO_SYMLINKS);
	if (directory < 0)
		return -1;
	child = place_find_at(directory, slash + 1, O_PATH,
			      RESOLVE_NO_SYMLINKS);
	in_it = child >= 0 && place_same(child, wanted->child->fd);
	drop(&child);
	if (!in_it)
		drop(&directory);
	return directory;
}

static enum parent_fate look(struct search *search)
{
	bool named;

	if (search->directory < 0)
		return PARENT_NOWHERE;
	try_names(search);
	named = search->right >= 0;
	if (!named && !(search->wanted->any_identity && search->first >= 0))
		try_all(search);
	if (search->other >= 0)
		return PARENT_TWICE;
	if (search->right >= 0)
		return named ? PARENT_NAMED : PARENT_RENAMED;
	if (forbidden_path(search))
		return PARENT_OUTSIDE;
	return search->first >= 0 ? PARENT_OTHER : PARENT_MISSING;
}

static void search_begin(struct search *search,
			 const struct parent_wanted *wanted)
{
	*search = (struct search){
		.wanted = wanted,
		.directory = directory_of(wanted),
		.first = -1,
		.right = -1,
		.other = -1,
	};
}

static void search_end(struct search *search)
{
	drop(&search->directory);
	drop(&search->first);
	drop(&search->right);
	drop(&search->other);
}

static int settle(struct search *search, enum parent_fate fate)
{
	if (fate == PARENT_TWICE)
		return refuse_ambiguity(search);
	if (fate == PARENT_RENAMED)
		say_renamed(search);
	if (search->right < 0 && search->wanted->any_identity)
		swap(search->right, search->first);
	return search->right < 0 ? refuse(search) : 0;
}

/**
 * parent_find() - find the parent
 * @wanted: the child, and where its parent may be
 * @place: set to a descriptor of the file with the recorded identity; with
 *	@wanted->any_identity, of the first file with the name. The caller
 *	closes it.
 *
 * Return: 0, or -ENOLINK after a message if there is no parent, or more than
 * one candidate.
 */
int parent_find(const struct parent_wanted *wanted, int *place)
{
	struct search search;
	int err;

	search_begin(&search, wanted);
	err = settle(&search, look(&search));
	if (!err) {
		*place = search.right;
		search.right = -1;
	}
	search_end(&search);
	return err;
}

/**
 * parent_look() - look for the parent, without a word
 * @wanted: whose, and where it may be
 * @place: set to a descriptor of the parent, of another image that has the name if
 *	PARENT_OTHER is returned, or to -1; to close
 *
 * Return: what comes of it.
 */
enum parent_fate parent_look(const struct parent_wanted *wanted, int *place)
{
	enum parent_fate fate;
	struct search search;

	search_begin(&search, wanted);
	fate = look(&search);
	*place = -1;
	if (fate == PARENT_OTHER)
		swap(*place, search.first);
	if (fate == PARENT_NAMED || fate == PARENT_RENAMED)
		swap(*place, search.right);
	search_end(&search);
	return fate;
}
