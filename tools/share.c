// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libgen.h>
#include <libmount/libmount.h>
#include <string.h>
#include <sys/stat.h>

#include "message.h"
#include "share.h"

/* How a share is mounted: type and options of the file system. */
struct share {
	char type[16];
	char cache[16];
	bool locks_here;
};

static bool is_option(const char *options, const char *name, const char *wanted)
{
	size_t size;
	char *value;

	if (mnt_optstr_get_option(options, name, &value, &size))
		return false;
	return !wanted || (value && strlen(wanted) == size &&
			   !strncmp(value, wanted, size));
}

static void take_share(struct libmnt_fs *fs, struct share *share)
{
	const char *options = mnt_fs_get_fs_options(fs);
	const char *type = mnt_fs_get_fstype(fs);
	size_t size;
	char *value;

	snprintf(share->type, sizeof(share->type), "%s", type ? type : "");
	if (!options)
		return;
	if (!mnt_optstr_get_option(options, "cache", &value, &size) && value)
		snprintf(share->cache, sizeof(share->cache), "%.*s", (int)size,
			 value);
	/* Of cifs, and of nfs, where we take no flock(). */
	share->locks_here = is_option(options, "nobrl", NULL) ||
			    is_option(options, "local_lock", "posix") ||
			    is_option(options, "local_lock", "all");
}

/* Any mount of a file system has the options of all of them. */
static int find_share(dev_t device, struct share *share)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_fs *fs;
	int err = -ENOMEM;

	if (table)
		err = mnt_table_parse_mtab(table, NULL);
	if (!err) {
		fs = mnt_table_find_devno(table, device, MNT_ITER_BACKWARD);
		if (fs)
			take_share(fs, share);
		else
			err = -ENOENT;
	}
	mnt_unref_table(table);
	return err;
}

/* With cache=singleclient, who has mounted it says that there is no other host. */
static bool loses_writes(const struct share *share)
{
	return (!strcmp(share->type, "cifs") || !strcmp(share->type, "smb3")) &&
	       strcmp(share->cache, "none") &&
	       strcmp(share->cache, "singleclient");
}

/**
 * share_check() - refuse to write where writes would be lost
 * @device: st_dev of the image, or of its folder
 * @path: of the image, for messages
 *
 * With its default cache, Linux 6.12's SMB client loses writes to a file that another
 * host merely tries to open (tests/cluster/run). Of locks that stay with the client,
 * another host sees nothing.
 *
 * Return: 0, with a warning if there is one to be given; or -EINVAL after a message.
 */
int share_check(dev_t device, const char *path)
{
	struct share share = { 0 };
	int err = find_share(device, &share);

	if (err) {
		msg_verbose("%s: the options of its mount are not known: %s",
			    path, strerror(-err));
		return 0;
	}
	if (share.locks_here)
		msg_warn("%s: its share is mounted so that locks stay on this host (nobrl, nolock or local_lock): nothing keeps another host from writing the image",
			 path);
	if (!loses_writes(&share))
		return 0;
	msg_err("%s: is on an SMB share that is mounted with cache=%s, where writes get lost when another host looks at the image; unmount the share and mount it with cache=none",
		path, *share.cache ? share.cache : "?");
	return -EINVAL;
}

/**
 * share_check_like() - the same, of an image that takes the place of another
 * @path: of the image, or where it will be
 * @old: of the other one, which is written now
 *
 * Nothing is lost by it if both are on one share.
 *
 * Return: as share_check().
 */
int share_check_like(const char *path, const char *old)
{
	char *folder = strdup(path);
	struct stat st, before;
	int err = 0;

	if (!folder)
		return -ENOMEM;
	if (!stat(dirname(folder), &st) &&
	    (stat(old, &before) || before.st_dev != st.st_dev))
		err = share_check(st.st_dev, path);
	free(folder);
	return err;
}
