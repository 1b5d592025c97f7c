// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <libdevmapper.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "message.h"
#include "users.h"

/* Mount points, from the kernel's list; returns how many were named. */
static unsigned int name_mounts(const struct dmdev *dev)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	unsigned int count = 0, high, low;
	char *line = NULL;
	char where[PATH_MAX];
	size_t size = 0;

	while (in && getline(&line, &size, in) > 0) {
		if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &high, &low,
			   where) != 3 ||
		    high != dev->major || low != dev->minor)
			continue;
		msg_err("%s: is in use: mounted at %s; unmount it first",
			dev->name, where);
		count++;
	}
	free(line);
	if (in)
		fclose(in);
	return count;
}

static unsigned int name_swap(const struct dmdev *dev)
{
	FILE *in = fopen("/proc/swaps", "re");
	unsigned int count = 0;
	char *line = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t size = 0;

	while (in && getline(&line, &size, in) > 0) {
		if (sscanf(line, "%4095s", path) != 1 || stat(path, &st) ||
		    st.st_rdev != makedev(dev->major, dev->minor))
			continue;
		msg_err("%s: is in use as swap; swapoff %s first", dev->name,
			path);
		count++;
	}
	free(line);
	if (in)
		fclose(in);
	return count;
}

/* Devices on top of it: LVM, crypt, md. */
static unsigned int name_holders(const struct dmdev *dev)
{
	struct dirent *entry;
	unsigned int count = 0;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders",
		 dev->major, dev->minor);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		msg_err("%s: is in use by the block device %s", dev->name,
			entry->d_name);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

/**
 * users_explain() - say who uses a device, and what to do
 * @dev: a device that is open
 */
void users_explain(const struct dmdev *dev)
{
	if (name_mounts(dev) + name_swap(dev) + name_holders(dev))
		return;
	msg_err("%s: is in use: some program has it open; `fuser -v %s/%s' says which",
		dev->name, dm_dir(), dev->name);
}
