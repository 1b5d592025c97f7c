// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <libdevmapper.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"
#include "users.h"

/* How long those who only look at a new device, as udev does, are waited for. */
#define LOOKS		25
#define LOOK_USECS	200000

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

/* Those that kpartx made are for whoever asks to tell from others. */
static bool is_partition(const char *block)
{
	char path[PATH_MAX], uuid[5] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/uuid", block);
	in = fopen(path, "re");
	if (in) {
		(void)fgets(uuid, sizeof(uuid), in);
		fclose(in);
	}
	return !strcmp(uuid, "part");
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
		if (entry->d_name[0] == '.' || is_partition(entry->d_name))
			continue;
		msg_err("%s: is in use by the block device %s", dev->name,
			entry->d_name);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

/* Does it stay in use? Then it is said by whom, as far as that can be found. */
static bool refuse(const struct dmdev *dev, bool last_look)
{
	if (name_mounts(dev) + name_swap(dev) + name_holders(dev))
		return true;
	if (last_look)
		msg_err("%s: is in use: some program has it open; `fuser -v %s/%s' says which",
			dev->name, dm_dir(), dev->name);
	return last_look;
}

/**
 * users_refuse() - see that nobody uses a device
 * @name: which
 * @own: how often it is open for its partitions
 *
 * A program that has it open may be about to close it, and is waited for.
 *
 * Return: 0, or a negative errno after a message: -EBUSY if it is in use, and
 * by whom.
 */
int users_refuse(const char *name, int own)
{
	struct dmdev dev;
	int look, err;

	for (look = 1; ; look++) {
		err = dmdev_query(name, &dev);
		if (err) {
			msg_err("%s: %s", name, strerror(-err));
			return err;
		}
		if (dev.open_count > own)
			err = refuse(&dev, look == LOOKS) ? -EBUSY : -EAGAIN;
		dmdev_forget(&dev);
		if (err != -EAGAIN)
			return err;
		usleep(LOOK_USECS);
	}
}
