// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmdev.h"
#include "holders.h"
#include "message.h"
#include "place.h"
#include "table-line.h"

/**
 * struct sought - an image whose users are searched for
 * @path: the user's name for it
 * @st: stat() of the file or block device
 */
struct sought {
	const char *path;
	struct stat st;
};

static bool is_sought(const struct sought *sought, const char *path)
{
	struct stat st;

	return !stat(path, &st) && place_same_stat(&sought->st, &st);
}

/* Return true if a process has it open. Only root can look at all processes. */
static bool has_open(const struct sought *sought, const char *pid)
{
	struct dirent *entry;
	bool found = false;
	char path[PATH_MAX];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid,
			 entry->d_name);
		found = isdigit((unsigned char)*entry->d_name) &&
			is_sought(sought, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void name_process(const struct sought *sought, const char *pid)
{
	char path[PATH_MAX], name[64] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	in = fopen(path, "re");
	if (in && fgets(name, sizeof(name), in))
		name[strcspn(name, "\n")] = '\0';
	if (in)
		fclose(in);
	msg_err("%s: is open in the program %s, process %s", sought->path,
		*name ? name : "unknown", pid);
}

static void name_processes(const struct sought *sought)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name) &&
		    atoi(entry->d_name) != getpid() &&
		    has_open(sought, entry->d_name))
			name_process(sought, entry->d_name);
	if (dir)
		closedir(dir);
}

static int name_if_used(const struct dmdev *dev, void *context)
{
	const struct sought *sought = context;
	struct words images;
	unsigned int i;

	if (!dmdev_is_vhdx(dev) || table_line_images(dev->table, &images))
		return 0;
	for (i = 0; i < images.count; i++)
		if (table_line_is_of(images.word[i], &sought->st))
			msg_err("%s: is used by the device %s; `vhdxsetup close %s' ends that",
				sought->path, dev->name, dev->name);
	words_free(&images);
	return 0;
}

/**
 * holders_explain() - name the users of an image that can be found
 * @place: a descriptor of the image
 * @path: the user's name for it
 */
void holders_explain(int place, const char *path)
{
	struct sought sought = { .path = path };

	if (fstat(place, &sought.st))
		return;
	name_processes(&sought);
	if (!geteuid() && !access("/sys/class/misc/device-mapper", F_OK) &&
	    !dmdev_begin())
		(void)dmdev_each(name_if_used, &sought);
}
