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

/* Bytes copied in a second, as long as no copy has been measured. */
#define RATE_GUESS	(64 * VHDX_MIB)
/* Time that the change of tables takes. */
#define CHANGE_NSECS	20000000ULL
/* How often the device is asked what it goes on in. */
#define QUERY_TRIES	3

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
	const struct user_store *file = &live->target->layer[0]->file;
	int err;

	live->file[0] = (struct merge_file){
		.dev = file->dev,
		.ino = file->ino,
	};
	err = writer_end(&live->writer);
	live->writing = false;
	disk_close(live->target);
	live->target = NULL;
	/* The kernel cannot tell that a device is closed. */
	if (live->on_device)
		merge_recall(live, live->plan.into);
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

static int is_first_image(const struct merge_live *live,
			  const struct dmdev *now)
{
	const struct merge_file *target = &live->file[0];
	struct words images;
	struct stat st;
	dev_t device;
	int err;

	if (!dmdev_is_vhdx(now))
		return 0;
	err = table_line_images(now->table, &images);
	if (err)
		return err;
	if (!images.count)
		err = 0;
	else if (words_device(images.word[0], &device))
		err = !target->ino && device == target->dev;
	else if (stat(images.word[0], &st))
		err = -errno;
	else
		err = st.st_dev == target->dev && st.st_ino == target->ino;
	words_free(&images);
	return err;
}

/*
 * Returns 1 if the device has the target as its first image, 0 if not, or a
 * negative errno. The question may be asked again, because nothing can be done
 * without an answer.
 */
static int has_target(const struct merge_live *live, bool *suspended)
{
	struct dmdev now;
	int tries, err = -EIO;

	for (tries = 0; tries < QUERY_TRIES && err < 0; tries++) {
		err = dmdev_query(live->name, &now);
		if (err)
			continue;
		*suspended = now.suspended;
		err = is_first_image(live, &now);
		dmdev_forget(&now);
	}
	return err;
}

static int let_go_on(struct merge_live *live)
{
	int err = dmdev_resume(live->name);

	if (!err)
		return 0;
	live->stuck = true;
	msg_err("%s: stays suspended: %s; `dmsetup resume %s' ends that",
		live->name, strerror(-err), live->name);
	return err;
}

/* The old table has never left, and the target is still lent. */
static void go_on_as_before(struct merge_live *live)
{
	(void)dmdev_clear(live->name);
	(void)let_go_on(live);
}

/*
 * The target is live, and did not start, so that nothing was written to it. The
 * images of the old table are all there, and read as before.
 */
static int bring_back(struct merge_live *live, const struct dmdev *dev)
{
	const struct dmdev_spec spec = {
		.name = live->name,
		.sectors = dev->sectors,
		.params = dev->table,
	};
	int err;

	/* It may start now. */
	if (!dmdev_resume(live->name))
		return 0;
	err = dmdev_load(&spec);
	if (!err)
		err = dmdev_resume(live->name);
	if (!err)
		return -EIO;
	live->stuck = true;
	msg_err("%s: its old table cannot be brought back: %s; it was: 0 %llu %s %s",
		live->name, strerror(-err), (unsigned long long)dev->sectors,
		TARGET_TYPE, dev->table);
	return err;
}

/*
 * A target that ever ran may have been written since: no other table comes after
 * it. Returns 0 if the device goes on in it.
 */
static int swap_tables(struct merge_live *live, const struct dmdev *dev,
		       struct dmdev_swap *swap)
{
	bool suspended = false;
	int err = dmdev_swap(live->name, swap);
	int live_now = has_target(live, &suspended);

	if (live_now < 0) {
		/* Either table has it all. */
		if (err)
			(void)dmdev_resume(live->name);
		live->stuck = true;
		msg_err("%s: its state is not known: %s; `dmsetup info' and `dmsetup table' show it, and `dmsetup resume %s' has it go on",
			live->name, strerror(-live_now), live->name);
		return live_now;
	}
	if (!live_now) {
		go_on_as_before(live);
		return err ? err : -EBUSY;
	}
	if (err && suspended)
		return bring_back(live, dev) ? err : 0;
	return 0;
}

static int load_paused(struct merge_live *live, const struct dmdev *dev)
{
	int err = carry_rest(live);

	if (!err)
		err = end_target(live);
	if (!err)
		err = load_target(live, dev);
	return err;
}

/* The device waits, and goes on in any case. */
static int change_over(struct merge_live *live, const struct dmdev *dev,
		       struct dmdev_swap *swap)
{
	int log = kmsg_begin();
	int err = load_paused(live, dev);

	if (!err)
		err = swap_tables(live, dev, swap);
	else if (!live->writing)
		go_on_as_before(live);
	else if (let_go_on(live) && err == -EAGAIN)
		err = -EIO;
	if (err && err != -EAGAIN) {
		msg_err("%s: its change to %s is not complete: %s", live->name,
			merge_plan_name(&live->plan, live->plan.into),
			strerror(-err));
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
