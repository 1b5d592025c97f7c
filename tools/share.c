// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <libmount/libmount.h>
#include <string.h>

#include "message.h"
#include "share.h"

/* How a share is mounted: type and options of the file system. */
struct share {
	char type[16];
	char cache[16];
	bool locks_here;
};

static bool has_value(const char *options, const char *name, const char *but)
{
	size_t size;
	char *value;

	return !mnt_optstr_get_option(options, name, &value, &size) &&
	       (!value || strlen(but) != size || strncmp(value, but, size));
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
	/* Of cifs, and of nfs, whose default is local_lock=none. */
	share->locks_here = has_value(options, "nobrl", "") ||
			    has_value(options, "local_lock", "none");
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

static bool is_smb(const struct share *share)
{
	return !strcmp(share->type, "cifs") || !strcmp(share->type, "smb3");
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
	if (!is_smb(&share) || !strcmp(share.cache, "none"))
		return 0;
	msg_err("%s: is on an SMB share that is mounted with cache=%s, where writes get lost when another host looks at the image; unmount the share and mount it with cache=none, or give --readonly",
		path, *share.cache ? share.cache : "?");
	return -EINVAL;
}
