// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#include "device-name.h"

/* Logical volumes and the like have no other name that is theirs alone. */
#define MAPPER	"/dev/mapper"

/* Where udev keeps lasting names, the best ones first. */
static const char *const lasting[] = {
	MAPPER,
	"/dev/md",
	"/dev/disk/by-id",
	"/dev/disk/by-partuuid",
	"/dev/disk/by-loop-ref",
};

/* Links whose names are numbers of the kernel's. */
static const char *const passing[] = {
	"/dev/block",
	"/dev/disk/by-diskseq",
};

static bool leads_to(const char *path, dev_t device)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == device;
}

/* Return the directory of a path without symbolic links, for free(), or NULL. */
static char *directory_of(const char *path)
{
	char *copy = strdup(path);
	char *directory = copy ? realpath(dirname(copy), NULL) : NULL;

	free(copy);
	return directory;
}

/*
 * Somebody made a link, or udev did by a rule. Links of /proc stand for an open
 * file. In /dev/mapper there are nodes, if no udev runs.
 */
static bool lasts(const char *path, const char *directory)
{
	struct stat st;
	size_t i;

	if (!strcmp(directory, MAPPER))
		return true;
	for (i = 0; i < ARRAY_SIZE(passing); i++)
		if (!strcmp(directory, passing[i]))
			return false;
	return !lstat(path, &st) && S_ISLNK(st.st_mode) &&
	       strncmp(directory, "/proc/", strlen("/proc/"));
}

/**
 * device_name_given() - take a name of a block device, if it lasts
 * @path: the name
 * @device: the number of the device
 * @fits: return false for a name that will not do
 *
 * Return: the name as an absolute path, as device_name() has it, for free(); or
 * NULL if it does not lead to the device, or does not last.
 */
char *device_name_given(const char *path, dev_t device,
			bool (*fits)(const char *name))
{
	char *directory = directory_of(path), *copy = strdup(path);
	char *name = NULL;

	if (directory && copy && leads_to(path, device) &&
	    lasts(path, directory) &&
	    asprintf(&name, "%s/%s", strcmp(directory, "/") ? directory : "",
		     basename(copy)) < 0)
		name = NULL;
	if (name && !fits(name)) {
		free(name);
		name = NULL;
	}
	free(copy);
	free(directory);
	return name;
}

/* Several names may lead to a device: the first one of the alphabet is always the same. */
static char *find_in(const char *directory, dev_t device,
		     bool (*fits)(const char *name))
{
	DIR *dir = opendir(directory);
	char path[PATH_MAX];
	struct dirent *entry;
	char *name = NULL;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if ((name && strcmp(path, name) > 0) ||
		    !leads_to(path, device) || !fits(path))
			continue;
		free(name);
		name = strdup(path);
	}
	if (dir)
		closedir(dir);
	return name;
}

/**
 * device_name() - find a lasting name of a block device
 * @path: how the caller knows it, which is taken if it is such a name
 * @device: its number
 * @fits: return false for a name that will not do
 *
 * The last part of the name may be a symbolic link; the directory has none.
 *
 * Return: an absolute path, for free(); or NULL if there is none.
 */
char *device_name(const char *path, dev_t device, bool (*fits)(const char *name))
{
	char *name = device_name_given(path, device, fits);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lasting) && !name; i++)
		name = find_in(lasting[i], device, fits);
	return name;
}
