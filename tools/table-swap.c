// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include <sys/stat.h>

#include "clock.h"
#include "io-flusher.h"
#include "kmsg.h"
#include "message.h"
#include "partitions.h"
#include "table-line.h"
#include "table-swap.h"

static int freeze_one(const struct dmdev *part, void *context)
{
	int err = dmdev_freeze(part->name);

	(void)context;
	if (err)
		msg_err("%s: its file system cannot be frozen: %s",
			part->name, strerror(-err));
	return err;
}

static int thaw_one(const struct dmdev *part, void *context)
{
	int err;

	(void)context;
	if (!part->suspended)
		return 0;
	err = dmdev_resume(part->name);
	if (err)
		msg_err("%s: stays suspended: %s; `dmsetup resume %s' ends that",
			part->name, strerror(-err), part->name);
	return 0;
}

static void thaw(const struct table_swap *swap)
{
	if (swap->quiesce)
		(void)partitions_each(swap->dev, thaw_one, NULL);
}

/*
 * The kernel freezes the file system on the device itself, but not those on its
 * partitions, which are devices of their own. Until thaw(), nothing can be read
 * from them, not even pages of this program.
 */
static int freeze(const struct table_swap *swap)
{
	int err;

	if (!swap->quiesce || !partitions_count(swap->dev))
		return 0;
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		msg_verbose("memory is not locked: %s", strerror(errno));
	err = partitions_each(swap->dev, freeze_one, NULL);
	if (err)
		thaw(swap);
	return err;
}

static bool is_first_image(const struct dmdev *dev, int child)
{
	struct words images;
	struct stat made;
	bool same;

	if (!dmdev_is_vhdx(dev) || table_line_images(dev->table, &images))
		return false;
	same = images.count && !fstat(child, &made) &&
	       table_line_is_of(images.word[0], &made);
	words_free(&images);
	return same;
}

/**
 * table_swap_is_live() - test whether the device writes the child
 * @dev: the device, which is queried again
 * @child: descriptor of the child
 *
 * Another program may have resumed or cleared the loaded table.
 *
 * Return: 1 if it does, 0 if not, or a negative errno.
 */
int table_swap_is_live(const struct dmdev *dev, int child)
{
	struct dmdev now;
	int err = dmdev_query(dev->name, &now);

	if (err)
		return err;
	err = is_first_image(&now, child);
	dmdev_forget(&now);
	return err;
}

static bool is_new(const struct dmdev *now, const struct table_swap *swap)
{
	if (swap->renews)
		return dmdev_is_vhdx(now) && !now->inactive;
	if (swap->grows)
		return dmdev_is_vhdx(now) &&
		       now->sectors > swap->dev->sectors;
	return is_first_image(now, swap->child);
}

/* Returns 1 if the device has the new table, 0 if not, or a negative errno. */
static int has_new(const struct table_swap *swap)
{
	struct dmdev now;
	int err = dmdev_query(swap->dev->name, &now);

	if (err)
		return err;
	err = is_new(&now, swap);
	dmdev_forget(&now);
	return err;
}

/* The old table is gone, so load it again. */
static int reload(const struct dmdev *dev)
{
	const struct dmdev_spec spec = {
		.name = dev->name,
		.sectors = dev->sectors,
		.params = dev->table,
	};
	int err = dmdev_load(&spec);

	return err ? err : dmdev_resume(dev->name);
}

/* Do not replace a table of another program. */
static void bring_back(struct table_swap *swap)
{
	const char *name = swap->dev->name;
	struct dmdev now;
	int err = dmdev_query(name, &now);

	if (err) {
		swap->stuck = true;
		msg_err("%s: its state is not known: %s; `dmsetup info' and `dmsetup table' show it",
			name, strerror(-err));
		return;
	}
	if (!is_new(&now, swap)) {
		err = dmdev_clear(name);
	} else if (now.suspended) {
		if (swap->undo)
			swap->undo(swap->context);
		err = reload(swap->dev);
	} else {
		err = -EBUSY;
	}
	swap->stuck = err;
	if (err)
		msg_err("%s: its old table cannot be brought back: %s; it was: 0 %llu %s %s",
			name, strerror(-err), swap->dev->sectors, TARGET_TYPE,
			swap->dev->table);
	dmdev_forget(&now);
}

/* Without a loaded table, the kernel swaps nothing and reports no error. */
static int swap_tables(struct table_swap *swap, struct dmdev_swap *table)
{
	int live, err = dmdev_swap(swap->dev->name, table);

	if (err)
		return err;
	live = has_new(swap);
	if (live > 0)
		return 0;
	return live ? live : -EBUSY;
}

static const char *what_failed(const struct table_swap *swap)
{
	if (swap->renews)
		return "its file does not get short";
	return swap->grows ? "does not grow" : "does not go on in the child";
}

/* Print why the device keeps its old table. */
static void explain(const struct table_swap *swap, int log, int err)
{
	const char *name = swap->dev->name;

	if (err == -ESTALE && swap->again) {
		msg_verbose("%s: was written for the first time meanwhile",
			    name);
		return;
	}
	msg_err("%s: %s: %s", name, what_failed(swap), strerror(-err));
	kmsg_explain(log, name, false);
	if (!swap->stuck)
		msg_err("%s: has its old table and goes on as before", name);
}

/**
 * table_swap() - have the device continue with the loaded table
 * @swap: the swap; the table with the child is loaded, and signals are held
 *
 * Return: 0; or a negative errno after a message. The device is as it was then,
 * unless @swap->stuck is set. -ESTALE: the parent is not the one that the child
 * names; without a message if the caller tries again.
 */
int table_swap(struct table_swap *swap)
{
	struct dmdev_swap table = { .freeze = swap->quiesce };
	int log = kmsg_begin();
	u64 began = clock_nsecs();
	bool parts;
	int err;

	parts = swap->quiesce && partitions_count(swap->dev);
	io_flusher_begin();
	err = freeze(swap);
	if (err) {
		io_flusher_end();
		(void)dmdev_clear(swap->dev->name);
		kmsg_end(log);
		return err;
	}
	err = swap_tables(swap, &table);
	if (err)
		bring_back(swap);
	/* The caller must not try again. */
	if (swap->stuck)
		err = -EIO;
	thaw(swap);
	io_flusher_end();
	swap->nsecs = parts ? clock_nsecs() - began : table.nsecs;
	dmdev_settle(&table);
	if (err)
		explain(swap, log, err);
	kmsg_end(log);
	return err;
}
