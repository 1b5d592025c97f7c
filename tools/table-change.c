// SPDX-License-Identifier: GPL-2.0-only
#include "exit-codes.h"
#include "kmsg.h"
#include "message.h"
#include "status-tree.h"
#include "table-change.h"

static int refuse(const struct dmdev *dev, int err, const char *why)
{
	msg_err("%s: %s", dev->name, why);
	return err;
}

/**
 * table_change_check() - check that a device can get another table
 * @dev: the device
 * @read_only: why a read-only one needs none, as the end of a sentence
 *
 * Return: 0, or a negative errno after a message.
 */
int table_change_check(const struct dmdev *dev, const char *read_only)
{
	char *fault;

	if (dev->suspended)
		return refuse(dev, -EBUSY,
			      "is suspended; `dmsetup resume' ends that");
	if (dev->inactive)
		return refuse(dev, -EBUSY,
			      "has a table loaded that is not live; `dmsetup resume' or `dmsetup clear' ends that");
	if (dev->read_only)
		return refuse(dev, -EROFS, read_only);
	fault = status_fault(dev);
	if (!fault)
		return 0;
	msg_err("%s: nothing can be written any more: %s; close it, and open it again",
		dev->name, fault);
	free(fault);
	return -EROFS;
}

/**
 * table_change_load() - load another table, which is not live yet
 * @dev: the device
 * @sectors: size of its disk in the new table
 * @params: the target's part of the table line
 *
 * Return: 0, or a negative errno after a message: -EBUSY if an image is in use,
 * -ENOTARGET for any other reason of the kernel.
 */
int table_change_load(const struct dmdev *dev, u64 sectors, const char *params)
{
	const struct dmdev_spec spec = {
		.name = dev->name,
		.sectors = sectors,
		.params = params,
	};
	int log = kmsg_begin();
	int err = dmdev_load(&spec);

	if (err) {
		msg_verbose("the table is refused: %s", strerror(-err));
		kmsg_explain(log, spec.name, true);
		err = err == -EBUSY || err == -ETXTBSY ? -EBUSY : -ENOTARGET;
	}
	kmsg_end(log);
	return err;
}

/**
 * table_change_same() - check that no other program changed its table
 * @dev: the device, as it was; it is queried again
 * @renamed: its first image may have another name now
 * @loaded: whether we have loaded a table
 *
 * Programs other than vhdxsetup do not take our lock.
 *
 * Return: 0, or a negative errno after a message.
 */
int table_change_same(const struct dmdev *dev, bool renamed, bool loaded)
{
	const char *was = dev->table, *is;
	struct dmdev now;
	int err = dmdev_query(dev->name, &now);

	if (err)
		return err;
	is = now.table;
	/* The kernel prints the names that images have now. */
	if (is && renamed) {
		is = strchrnul(is, ' ');
		was = strchrnul(was, ' ');
	}
	if (!is || strcmp(is, was) || now.suspended || now.inactive != loaded)
		err = refuse(dev, -EBUSY,
			     "another program changes its table; nothing is done");
	dmdev_forget(&now);
	return err;
}
