// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device-name.h"

/* Logical volumes and the like have no other name that is theirs alone. */
#define MAPPER	"/dev/mapper"
#define BY_ID	"/dev/disk/by-id"

/* Where udev keeps lasting names, the best ones first. */
static const char *const lasting[] = {
	MAPPER,
	"/dev/md",
	BY_ID,
	"/dev/disk/by-partuuid",
	"/dev/disk/by-loop-ref",
};

/* Links whose names are numbers of the kernel's. */
static const char *const passing[] = {
	"/dev/block",
	"/dev/disk/by-diskseq",
};

/* Device-mapper's name of a device has 127 bytes at most, and its UUID 128. */
#define DM_TEXT	130

/**
 * enum own_name - does the name last that device-mapper has for a device?
 * @OWN_LASTS: it does, as a logical volume's; or the device is none of its
 * @OWN_AT_NEED: the user may have chosen it, but udev has a better one
 * @OWN_PASSES: it counts devices
 */
enum own_name {
	OWN_LASTS,
	OWN_AT_NEED,
	OWN_PASSES,
};

/**
 * struct search - the search for a name
 * @device: number of the device
 * @fits: return false for a name that will not do
 * @own: whether links by device-mapper's own name are taken
 */
struct search {
	dev_t device;
	bool (*fits)(const char *name);
	bool own;
};

/* Read what device-mapper has of a device; of any other device, "". */
static void read_dm(dev_t device, const char *what, char text[DM_TEXT])
{
	char path[64];
	FILE *file;

	*text = '\0';
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/%s",
		 major(device), minor(device), what);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(text, DM_TEXT, file))
		*text = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

static const char *skip_digits(const char *text)
{
	while (isdigit((unsigned char)*text))
		text++;
	return text;
}

/* vhdx0, which `open` makes up, and vhdx0p1. */
static bool is_made_up(const char *name)
{
	if (!strstarts(name, "vhdx") || !isdigit((unsigned char)name[4]))
		return false;
	name = skip_digits(name + 4);
	return !*name || (*name == 'p' && !*skip_digits(name + 1));
}

/* Return the UUID of the disk, without the "part1-" that kpartx puts before it. */
static const char *skip_part(const char *uuid)
{
	const char *end = strstarts(uuid, "part") ? skip_digits(uuid + 4) : uuid;

	return end > uuid + 4 && *end == '-' ? end + 1 : uuid;
}

/*
 * kpartx names partitions of a device that is none of device-mapper's, such as
 * loop0p1, by the kernel's name. Ours have links in /dev/disk/by-id by the virtual
 * disk ID, but for private ones, see tools/boot/60-vhdx.rules.
 */
static enum own_name own_name_of(dev_t device)
{
	char uuid[DM_TEXT], name[DM_TEXT];
	const char *whole;

	read_dm(device, "uuid", uuid);
	whole = skip_part(uuid);
	if (whole != uuid && strstarts(whole, "devnode_"))
		return OWN_PASSES;
	if (!strstarts(whole, "VHDX-") && !strstarts(whole, "VHDXPRIVATE-"))
		return OWN_LASTS;
	read_dm(device, "name", name);
	return is_made_up(name) ? OWN_PASSES : OWN_AT_NEED;
}

/* Udev's links by UUID have the name, too, as the UUID of ours does. */
static bool is_own(const char *directory, const char *name)
{
	return !strcmp(directory, MAPPER) ||
	       (!strcmp(directory, BY_ID) &&
		(strstarts(name, "dm-name-") || strstarts(name, "dm-uuid-")));
}

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
	       !strstarts(directory, "/proc/");
}

static bool suits(const struct search *search, const char *directory,
		  const char *name, const char *path)
{
	return (search->own || !is_own(directory, name)) &&
	       leads_to(path, search->device) && search->fits(path);
}

/* Return the name that the caller used, if it lasts, for free(), or NULL. */
static char *as_given(const struct search *search, const char *path)
{
	char *directory = directory_of(path), *copy = strdup(path);
	const char *last = copy ? basename(copy) : NULL;
	char *name = NULL;

	if (directory && last && lasts(path, directory) &&
	    asprintf(&name, "%s/%s", strcmp(directory, "/") ? directory : "",
		     last) < 0)
		name = NULL;
	if (name && !suits(search, directory, last, name)) {
		free(name);
		name = NULL;
	}
	free(copy);
	free(directory);
	return name;
}

/* Several names may lead to a device: the first one of the alphabet is always the same. */
static char *find_in(const struct search *search, const char *directory)
{
	DIR *dir = opendir(directory);
	char path[PATH_MAX];
	struct dirent *entry;
	char *name = NULL;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if ((name && strcmp(path, name) > 0) ||
		    !suits(search, directory, entry->d_name, path))
			continue;
		free(name);
		name = strdup(path);
	}
	if (dir)
		closedir(dir);
	return name;
}

static char *find(const struct search *search, const char *path)
{
	char *name = as_given(search, path);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lasting) && !name; i++)
		name = find_in(search, lasting[i]);
	return name;
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
	const struct search search = {
		.device = device,
		.fits = fits,
		.own = own_name_of(device) == OWN_LASTS,
	};

	return as_given(&search, path);
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
	enum own_name own = own_name_of(device);
	struct search search = {
		.device = device,
		.fits = fits,
		.own = own == OWN_LASTS,
	};
	char *name = find(&search, path);

	search.own = true;
	if (!name && own == OWN_AT_NEED)
		name = find(&search, path);
	return name;
}
