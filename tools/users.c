// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <libmount/libmount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "message.h"
#include "users.h"

/* Patience with programs that only probe a new device, as udev does. */
#define LOOKS		25
#define LOOK_USECS	200000

static bool is_node_of(const char *path, const struct dmdev *dev)
{
	struct stat st;

	return path && *path == '/' && !stat(path, &st) &&
	       S_ISBLK(st.st_mode) &&
	       st.st_rdev == makedev(dev->major, dev->minor);
}

/*
 * A file system that may have several devices, such as btrfs, has a device
 * number of its own, so compare the source of the mount, too.
 */
static bool is_mount_of(struct libmnt_fs *fs, const struct dmdev *dev)
{
	return mnt_fs_get_devno(fs) == makedev(dev->major, dev->minor) ||
	       is_node_of(mnt_fs_get_source(fs), dev);
}

static bool name_mount(struct libmnt_fs *fs, const struct dmdev *dev)
{
	bool found = is_mount_of(fs, dev);

	if (found)
		msg_err("%s: is in use: mounted at %s; unmount it first",
			dev->name, mnt_fs_get_target(fs));
	return found;
}

static bool name_swap(struct libmnt_fs *fs, const struct dmdev *dev)
{
	const char *path = mnt_fs_get_source(fs);
	bool found = is_node_of(path, dev);

	if (found)
		msg_err("%s: is in use as swap; swapoff %s first", dev->name,
			path);
	return found;
}

/* Print the entries of a list in sysfs. Return their number. */
static unsigned int name_entries(const char *list,
				 int (*parse)(struct libmnt_table *table,
					      const char *list),
				 bool (*name)(struct libmnt_fs *fs,
					      const struct dmdev *dev),
				 const struct dmdev *dev)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_fs *fs;
	unsigned int count = 0;
	int err = -ENOMEM;

	if (iter && table)
		err = parse(table, list);
	if (err)
		msg_verbose("%s: %s", list, strerror(err < 0 ? -err : err));
	while (!err && !mnt_table_next_fs(table, iter, &fs))
		count += name(fs, dev);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return count;
}

/* The caller has counted the partitions that kpartx mapped. */
static bool is_partition(const char *block)
{
	char path[PATH_MAX], uuid[5] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/uuid", block);
	in = fopen(path, "re");
	if (in) {
		if (!fgets(uuid, sizeof(uuid), in))
			uuid[0] = '\0';
		fclose(in);
	}
	return !strcmp(uuid, "part");
}

/* Print the devices above it: LVM, crypt, md. */
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

/* Return true if it stays in use, and print the users that can be found. */
static bool refuse(const struct dmdev *dev, bool last_look)
{
	char path[PATH_MAX];

	if (name_entries("/proc/self/mountinfo", mnt_table_parse_file,
			 name_mount, dev) +
	    name_entries("/proc/swaps", mnt_table_parse_swaps, name_swap,
			 dev) + name_holders(dev))
		return true;
	if (last_look)
		msg_err("%s: is in use: some program has it open; `fuser -v %s' says which",
			dev->name, dmdev_path(dev->name, path));
	return last_look;
}

/**
 * users_refuse() - check that nobody uses a device
 * @name: name of the device
 * @own: number of times that its partitions have it open
 *
 * Waits a while for programs that have it open, such as udev.
 *
 * Return: 0, or a negative errno after a message: -EBUSY if it is in use; the
 * message names the users.
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

/**
 * users_mount() - find where a device is mounted
 * @name: name of the device
 *
 * Return: the mount point in our namespace, for free(); NULL if there is none.
 */
char *users_mount(const char *name)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_fs *fs;
	char *target = NULL;
	struct dmdev dev;

	if (iter && table && !dmdev_query(name, &dev)) {
		if (!mnt_table_parse_file(table, "/proc/self/mountinfo"))
			while (!target && !mnt_table_next_fs(table, iter, &fs))
				if (is_mount_of(fs, &dev))
					target = strdup(mnt_fs_get_target(fs));
		dmdev_forget(&dev);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return target;
}
