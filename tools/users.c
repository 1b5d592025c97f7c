// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"
#include "users.h"
#include "words.h"

/* How long those who only look at a new device, as udev does, are waited for. */
#define LOOKS		25
#define LOOK_USECS	200000

static bool is_node_of(const char *path, const struct dmdev *dev)
{
	struct stat st;

	return *path == '/' && !stat(path, &st) && S_ISBLK(st.st_mode) &&
	       st.st_rdev == makedev(dev->major, dev->minor);
}

/*
 * A line of mountinfo: id, parent, device, root, mount point, options, any
 * number of tags, "-", type, source. The device of a file system that may have
 * several, as btrfs, is none of them, but its source is one.
 */
static const char *mount_of(const struct words *line, const struct dmdev *dev)
{
	unsigned int i = 6;
	dev_t device;

	if (line->count <= i)
		return NULL;
	if (words_device(line->word[2], &device) &&
	    device == makedev(dev->major, dev->minor))
		return line->word[4];
	while (i < line->count && strcmp(line->word[i], "-"))
		i++;
	return i + 2 < line->count && is_node_of(line->word[i + 2], dev) ?
	       line->word[4] : NULL;
}

static bool name_mount(const struct words *line, const struct dmdev *dev)
{
	const char *where = mount_of(line, dev);

	if (where)
		msg_err("%s: is in use: mounted at %s; unmount it first",
			dev->name, where);
	return where;
}

static bool name_swap(const struct words *line, const struct dmdev *dev)
{
	bool found = line->count && is_node_of(line->word[0], dev);

	if (found)
		msg_err("%s: is in use as swap; swapoff %s first", dev->name,
			line->word[0]);
	return found;
}

/* Go through a list of the kernel's; returns how many lines were named. */
static unsigned int name_lines(const char *list, const struct dmdev *dev,
			       bool (*name)(const struct words *line,
					    const struct dmdev *dev))
{
	FILE *in = fopen(list, "re");
	unsigned int count = 0;
	char *text = NULL;
	struct words line;
	size_t size = 0;

	while (in && getline(&text, &size, in) > 0) {
		if (words_split(text, WORDS_OF_PROC, &line))
			continue;
		count += name(&line, dev);
		words_free(&line);
	}
	free(text);
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
	char path[PATH_MAX];

	if (name_lines("/proc/self/mountinfo", dev, name_mount) +
	    name_lines("/proc/swaps", dev, name_swap) + name_holders(dev))
		return true;
	if (last_look)
		msg_err("%s: is in use: some program has it open; `fuser -v %s' says which",
			dev->name, dmdev_path(dev->name, path));
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
