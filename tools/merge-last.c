// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "directory.h"
#include "dmdev.h"
#include "findings.h"
#include "io-flusher.h"
#include "kmsg.h"
#include "merge-live.h"
#include "message.h"
#include "signals.h"
#include "table-line.h"

/* If nothing is known, so much is copied in a second. */
#define RATE_GUESS	(64 * VHDX_MIB)
/* What the change of tables takes. */
#define CHANGE_NSECS	20000000ULL

/* How long it takes to copy so much. */
static u64 nsecs_for(const struct merge_live *live, u64 bytes)
{
	double rate = live->copied >= VHDX_MIB && live->nsecs ?
			      (double)live->copied * 1e9 / (double)live->nsecs :
			      (double)RATE_GUESS;

	return CHANGE_NSECS + (u64)((double)bytes * 1e9 / rate);
}

/* Returns -EAGAIN if the device would have to wait for too long. */
static int check_size(const struct merge_live *live, const struct disk *disk)
{
	u64 data;
	int err = merge_measure(disk, &data);

	if (err || nsecs_for(live, data) <= live->max_pause)
		return err;
	msg_verbose("%s: %llu bytes are left, which is too much for a pause",
		    live->name, (unsigned long long)data);
	return -EAGAIN;
}

/* Its session has ended, so that its image is whole. */
static int carry_rest(struct merge_live *live)
{
	struct disk *disk;
	int err = merge_open(&live->plan, 0, 0, sink_messages(), &disk);

	if (err)
		return err;
	err = check_size(live, disk);
	if (!err)
		err = merge_carry_one(live, disk, true);
	disk_close(disk);
	return err;
}

/* From here on, the kernel alone writes the target. */
static int end_target(struct merge_live *live)
{
	int err = writer_end(&live->writer);

	live->writing = false;
	disk_close(live->target);
	live->target = NULL;
	return err;
}

static int load_target(const struct merge_live *live, const struct dmdev *dev)
{
	char *line = table_line_change(NULL, 0, dev->table, live->plan.into);
	const struct dmdev_spec spec = {
		.name = live->name,
		.sectors = dev->sectors,
		.params = line,
	};
	int err = line ? dmdev_load(&spec) : -ENOMEM;

	free(line);
	return err;
}

/* Does the device have the target as its first image now? */
static int is_changed(const struct merge_live *live)
{
	struct words images;
	struct dmdev now;
	struct stat st;
	int err = dmdev_query(live->name, &now);

	if (err)
		return err;
	err = now.suspended || !dmdev_is_vhdx(&now) ? -EBUSY :
	      table_line_images(now.table, &images);
	if (!err) {
		if (!images.count ||
		    stat(live->plan.path[live->plan.into], &st) ||
		    !table_line_is_of(images.word[0], &st))
			err = -EBUSY;
		words_free(&images);
	}
	dmdev_forget(&now);
	return err;
}

/*
 * The table that was live may be gone. Its images are all there, and read as
 * before.
 */
static void bring_back(const struct merge_live *live, const struct dmdev *dev)
{
	const struct dmdev_spec spec = {
		.name = live->name,
		.sectors = dev->sectors,
		.params = dev->table,
	};
	int err;

	(void)dmdev_clear(live->name);
	err = dmdev_load(&spec);
	if (!err)
		err = dmdev_resume(live->name);
	if (err)
		msg_err("%s: its old table cannot be brought back: %s; it was: 0 %llu %s %s",
			live->name, strerror(-err),
			(unsigned long long)dev->sectors, TARGET_TYPE,
			dev->table);
}

/* The device waits, and goes on in any case. */
static int change_over(struct merge_live *live, const struct dmdev *dev,
		       struct dmdev_swap *swap)
{
	int log = kmsg_begin();
	int err = carry_rest(live);

	if (!err)
		err = end_target(live);
	if (!err) {
		err = load_target(live, dev);
		/* What the table had of the image, the locks, is lent again. */
		if (err)
			(void)merge_lend(live, live->plan.into);
	}
	if (err) {
		(void)dmdev_resume(live->name);
	} else {
		err = dmdev_swap(live->name, swap);
		if (!err)
			err = is_changed(live);
		if (err)
			bring_back(live, dev);
	}
	if (err && err != -EAGAIN) {
		msg_err("%s: does not go on in %s: %s", live->name,
			live->plan.path[live->plan.into], strerror(-err));
		kmsg_explain(log, live->name, false);
	}
	kmsg_end(log);
	return err;
}

static void remove_one(const struct merge_live *live, u32 nr)
{
	const struct merge_file *file = &live->file[live->plan.into - nr];
	const char *path = live->plan.path[nr];
	struct stat st;

	if (lstat(path, &st) || st.st_dev != file->dev ||
	    st.st_ino != file->ino)
		msg_warn("%s: is another file by now; it stays as it is", path);
	else if (unlink(path))
		msg_warn("%s: cannot be removed, and is of no use any more: %s",
			 path, strerror(errno));
	(void)directory_sync(path);
}

static int check_device(const struct merge_live *live, const struct dmdev *dev)
{
	if (!dev->suspended && !dev->inactive && dmdev_is_vhdx(dev))
		return 0;
	msg_err("%s: another program changes its table; nothing is done",
		live->name);
	return -EBUSY;
}

static int pause_and_change(struct merge_live *live, const struct dmdev *dev)
{
	struct dmdev_swap swap = { 0 };
	u64 began;
	int err;

	/* Our own pages may be on the device that waits. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		msg_verbose("memory is not locked: %s", strerror(errno));
	io_flusher_begin();
	began = clock_nsecs();
	err = dmdev_pause(live->name);
	if (!err)
		err = change_over(live, dev, &swap);
	else
		msg_err("%s: cannot be suspended: %s", live->name,
			strerror(-err));
	live->pause = max(live->pause, clock_nsecs() - began);
	io_flusher_end();
	(void)munlockall();
	dmdev_settle(&swap);
	return err;
}

/**
 * merge_last() - carry down the rest, and change the device over
 * @live: the merge; all but what the device writes is carried down
 *
 * Return: 0: the device goes on in the target, which has it all, and the files
 * above it are gone; -EAGAIN: too much is left for a pause, and the device goes on
 * as before; or another negative errno after a message.
 */
int merge_last(struct merge_live *live)
{
	struct dmdev dev;
	u32 i;
	int err = dmdev_query(live->name, &dev);

	if (err)
		return err;
	signals_hold();
	err = check_device(live, &dev);
	if (!err && signals_held())
		err = -EINTR;
	if (!err)
		err = pause_and_change(live, &dev);
	dmdev_forget(&dev);
	for (i = 0; i < live->plan.into && !err; i++)
		remove_one(live, i);
	signals_let();
	return err;
}
