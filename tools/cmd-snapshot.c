// SPDX-License-Identifier: GPL-2.0-only
/* snapshot: have a live device continue in a new child of its image. */
#include "device-arg.h"
#include "device-lock.h"
#include "message.h"
#include "share.h"
#include "snapshot.h"
#include "vhdxsetup.h"

/* First version of the target with the message "seal". */
#define SEAL_MINOR	3

static const char *given_parent(const struct options *options)
{
	return options->parent_count ? options->parents[0] : NULL;
}

static int check_options(const struct options *options)
{
	if (options->parent_count < 2)
		return 0;
	msg_err("--parent: a child has one parent, and the device knows the others");
	return -EINVAL;
}

static int snapshot_device(struct snapshot *snapshot,
			   const struct options *options, const char *child)
{
	int err = snapshot_check(snapshot);

	if (!err)
		err = snapshot_name(snapshot, given_parent(options));
	if (!err)
		err = snapshot_child(snapshot, child);
	if (!err)
		err = share_check_like(snapshot->child, snapshot->parent);
	return err ? err : snapshot_take(snapshot);
}

/**
 * cmd_snapshot() - the verb `snapshot`
 * @options: of the command line
 * @args: the device, and the child to make
 *
 * Return: 0 or a negative errno.
 */
int cmd_snapshot(const struct options *options, char **args)
{
	struct snapshot snapshot;
	int err, lock;

	snapshot_init(&snapshot);
	snapshot.quiesce = options->quiesce;
	err = check_options(options);
	if (!err)
		err = device_arg(args[0], &snapshot.dev);
	if (err)
		return err;
	lock = device_lock(&snapshot.dev);
	err = lock < 0 ? lock : device_needs(SEAL_MINOR, "a snapshot");
	if (!err)
		err = snapshot_device(&snapshot, options, args[1]);
	if (lock >= 0)
		device_unlock(lock);
	snapshot_free(&snapshot);
	return err;
}
