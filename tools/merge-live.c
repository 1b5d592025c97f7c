// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "background.h"
#include "check.h"
#include "child-link.h"
#include "clock.h"
#include "device-arg.h"
#include "device-lock.h"
#include "device-name.h"
#include "directory.h"
#include "document.h"
#include "exit-codes.h"
#include "findings.h"
#include "live-image.h"
#include "merge-live.h"
#include "message.h"
#include "recover.h"
#include "share.h"
#include "side.h"
#include "snapshot.h"
#include "table-line.h"
#include "tree.h"

/* The target's versions that have the message "lend", and that of a block device. */
#define LEND_MINOR	4
#define LEND_DEVICE_MINOR	7

/* The kernel may be writing the headers of the child that are read. */
#define READ_TRIES	10
#define READ_USECS	50000

/*
 * Limits on the new children of one merge. A child that holds hardly less than
 * the last one is no progress; SETBACKS_MAX of them end the attempt.
 */
#define ROUNDS_MAX	32U
#define SETBACKS_MAX	3U

/* Without --max-pause. */
#define PAUSE_MS	500U
#define NSECS_PER_MS	1000000ULL

static int open_silently(const struct merge_plan *plan, struct disk **opened)
{
	int tries, err = -EIO;
	u32 i;

	for (tries = 1; tries <= READ_TRIES && err; tries++) {
		if (tries > 1)
			usleep(READ_USECS);
		err = merge_open(plan, 0, 0, tries == READ_TRIES ?
				 sink_messages() : sink_silent(), opened);
	}
	for (i = 0; !err && i < (*opened)->depth; i++)
		(*opened)->layer[i]->sink = sink_messages();
	return err;
}

/* The name without what is_side() finds there, for free(), or NULL. */
static char *name_before_side(const char *path)
{
	const char *word = NULL, *next = path;
	char *name;

	while ((next = strstr(next, SIDE_WORD)))
		word = next++;
	name = word ? strndup(path, (size_t)(word - path)) : NULL;
	if (name && is_side(path, name))
		return name;
	free(name);
	return NULL;
}

/* Return true if an image is empty and names another one as its parent. */
static bool is_empty_child_of(const char *path, const char *parent)
{
	struct user_store files[2];
	struct vhdx_image *child, *image;
	bool named = false;

	if (user_store_open(&files[0], path, USER_PEEK))
		return false;
	if (user_store_open(&files[1], parent, USER_PEEK)) {
		user_store_close(&files[0]);
		return false;
	}
	child = vhdx_image_open(&files[0].store, VHDX_POOL_PAGES_DEFAULT,
				&vhdx_report_silent);
	image = vhdx_image_open(&files[1].store, VHDX_POOL_PAGES_DEFAULT,
				&vhdx_report_silent);
	if (!IS_ERR(child) && !IS_ERR(image))
		named = child->locator &&
			vhdx_locator_matches(child->locator,
					     vhdx_image_identity(image)) &&
			vhdx_check_empty(child);
	if (!IS_ERR(image))
		vhdx_image_close(image);
	if (!IS_ERR(child))
		vhdx_image_close(child);
	user_store_close(&files[1]);
	user_store_close(&files[0]);
	return named;
}

/*
 * A merge that was killed between two steps has given the name of the image that
 * the device writes to a new child, in which nothing was written.
 */
static int mend_names(struct merge_live *live)
{
	char *name = name_before_side(live->plan.path[0]);
	int err = 0;

	if (!name || access(name, F_OK) ||
	    !is_empty_child_of(name, live->plan.path[0])) {
		free(name);
		return 0;
	}
	if (renameat2(AT_FDCWD, live->plan.path[0], AT_FDCWD, name,
		      RENAME_EXCHANGE)) {
		err = -errno;
		msg_err("%s: cannot have its name back, which is %s: %s",
			live->plan.path[0], name, strerror(-err));
		free(name);
		return err;
	}
	err = directory_keep(name);
	msg_info("%s: has its name back, which a merge that was killed had changed",
		 name);
	swap(live->plan.path[0], name);
	free(name);
	return err;
}

static int take_chain(struct merge_live *live, const struct dmdev *dev)
{
	char path[PATH_MAX];
	struct words images;
	unsigned int i;
	int err = table_line_images(dev->table, &images);

	if (err)
		return err;
	for (i = 0; i < images.count && !err; i++)
		err = merge_plan_path(&live->plan, i,
				      live_path(images.word[i], path));
	words_free(&images);
	return err;
}

/* With --keep, a child is made at the end that has to find its parent again. */
static int check_name(const struct merge_live *live, const struct layer *target)
{
	char *name;

	if (!live->plan.options->keep)
		return 0;
	name = device_name(merge_plan_name(&live->plan, live->plan.into),
			   target->file.dev, child_link_fits);
	free(name);
	if (name)
		return 0;
	msg_err("%s: --keep leaves a child of it, which would find it by no name that lasts after a restart and that Windows allows; merge without --keep",
		target->path);
	return -EINVAL;
}

static int check_target(struct merge_live *live, const struct layer *target)
{
	int err;

	live->on_device = target->file.device;
	if (!live->on_device)
		return share_check_like(target->path, live->plan.path[0]);
	err = device_needs(LEND_DEVICE_MINOR,
			   "a merge into a block device, of a device in use");
	return err ? err : check_name(live, target);
}

static int make_plan(struct merge_live *live, const struct dmdev *dev)
{
	struct disk *disk;
	int err = take_chain(live, dev);

	if (!err)
		err = mend_names(live);
	if (!err)
		err = open_silently(&live->plan, &disk);
	if (err)
		return err;
	live->size = disk->chain->size;
	err = merge_plan_check(&live->plan, disk);
	if (!err)
		err = check_target(live, disk->layer[live->plan.into]);
	disk_close(disk);
	return err;
}

/* Add one more child. The device no longer writes its previous image. */
static int go_on(struct merge_live *live, struct snapshot *snapshot)
{
	char *side = merge_plan_side(&live->plan);
	int err = side ? snapshot_check(snapshot) : -ENOMEM;

	if (!err)
		err = snapshot_child(snapshot, side);
	if (!err)
		err = snapshot_take(snapshot);
	if (!err) {
		live->rounds++;
		live->state.round = live->rounds;
		live->plan.into++;
		live->pause = max(live->pause, snapshot->nsecs);
		err = merge_plan_path(&live->plan, 1, side);
	}
	free(side);
	return err;
}

static int new_child(struct merge_live *live)
{
	struct snapshot snapshot;
	int err;

	snapshot_init(&snapshot);
	snapshot.exchange = true;
	err = dmdev_query(live->name, &snapshot.dev);
	if (!err)
		err = go_on(live, &snapshot);
	snapshot_free(&snapshot);
	return err;
}

/* The child of the target names the identity that the target will get. */
static int link_child(struct merge_live *live)
{
	struct disk *disk;
	u32 i;
	int err = merge_open(&live->plan, live->plan.into - 1, 2,
			     sink_messages(), &disk);

	if (err)
		return err;
	for (i = 0; i < 2 && !err; i++)
		err = vhdx_image_recover(disk->layer[i]->image);
	if (!err)
		err = merge_link(disk, &live->identity);
	disk_close(disk);
	return err;
}

static int fit_target(struct merge_live *live)
{
	struct disk *disk;
	int err = merge_open(&live->plan, live->plan.into, 1, sink_messages(),
			     &disk);

	if (err)
		return err;
	err = merge_fit(disk, 0, live->size, &live->identity);
	disk_close(disk);
	return err;
}

static int begin(struct merge_live *live)
{
	u32 into = live->plan.into;
	int err = merge_lend(live, into - 1);

	guid_gen(&live->identity);
	if (!err)
		err = link_child(live);
	if (!err)
		err = fit_target(live);
	if (!err)
		err = merge_open(&live->plan, into, 1, sink_messages(),
				 &live->target);
	if (!err)
		err = writer_begin(&live->writer, live->target->layer[0],
				   &live->identity);
	live->writing = !err;
	return err;
}

/**
 * merge_carry_one() - carry down what an image changes
 * @live: the merge
 * @disk: the image, the next one above what was carried down so far, and its
 *	parents
 * @paused: the device waits
 *
 * Return: as merge_carry(); it is durable then.
 */
int merge_carry_one(struct merge_live *live, struct disk *disk, bool paused)
{
	const struct user_store *file = &disk->layer[0]->file;
	struct merge_load load = {
		.disk = disk,
		.writer = &live->writer,
		.size = live->size,
		.progress = paused ? NULL : &live->progress,
		.state = paused ? NULL : &live->state,
		.rate = paused ? 0 : live->plan.options->rate,
		.counts = &live->counts,
	};
	u64 began = clock_nsecs(), before = live->counts.data;
	int err = merge_carry(&load);

	if (!err)
		err = writer_commit(&live->writer);
	if (err)
		return err;
	live->copied += live->counts.data - before;
	live->nsecs += clock_nsecs() - began - load.waited;
	live->carried++;
	live->file[live->carried] = (struct merge_file){
		.dev = file->dev,
		.ino = file->ino,
	};
	return 0;
}

/* Carry down all images that the device does not write. */
static int carry_down(struct merge_live *live)
{
	struct disk *disk;
	u64 data;
	int err = 0;

	merge_state_tell(&live->state, "copying");
	while (live->carried + 1 < live->plan.into && !err) {
		err = merge_open(&live->plan,
				 live->plan.into - live->carried - 1, 0,
				 sink_messages(), &disk);
		if (err)
			break;
		err = merge_measure(disk, &data);
		live->state.total = live->counts.data + data;
		if (!err)
			err = merge_carry_one(live, disk, false);
		disk_close(disk);
	}
	return err;
}

static int too_fast(const struct merge_live *live)
{
	msg_err("%s: is written faster than it can be merged, so its last part never gets small enough for a pause of %lu ms; try again at another time, with a larger --max-pause%s",
		live->name, (unsigned long)(live->max_pause / NSECS_PER_MS),
		live->plan.options->rate ? ", or without --rate" : "");
	return -EBUSY;
}

/* Returns 0 when the device is in what was merged into. */
static int merge_rounds(struct merge_live *live)
{
	u64 copied, last = 0;
	u32 setbacks = 0;
	int err;

	do {
		copied = live->counts.data;
		err = new_child(live);
		if (!err && !live->writing)
			err = begin(live);
		if (!err)
			err = carry_down(live);
		if (err)
			return err;
		copied = live->counts.data - copied;
		setbacks += live->rounds > 1 && copied > last / 4 * 3;
		last = copied;
		merge_state_tell(&live->state, "changing-over");
		err = merge_last(live);
	} while (err == -EAGAIN && live->rounds < ROUNDS_MAX &&
		 setbacks < SETBACKS_MAX);
	return err == -EAGAIN ? too_fast(live) : err;
}

/* What is in the target stays there; the chain reads the same. */
static void stop(struct merge_live *live, int err)
{
	u32 into = live->plan.into;

	if (live->writing)
		(void)writer_end(&live->writer);
	disk_close(live->target);
	if (live->stuck)
		return;
	merge_recall(live, into);
	if (into > 1)
		merge_recall(live, into - 1);
	if (err == -EINTR)
		msg_err("interrupted: %s goes on in %s, and its disk is what it was; merge it again to go on",
			live->name, live->plan.path[0]);
	else
		msg_err("%s: goes on in %s", live->name, live->plan.path[0]);
}

static void tell_done(const struct merge_live *live)
{
	const char *child = live->plan.path[0];
	const char *into = merge_plan_name(&live->plan, live->plan.into);
	char data[32], zeros[32];
	struct json_object *merged;

	if (live->plan.options->json) {
		merged = merge_plan_tree(&live->plan, 0, live->plan.into,
					 &live->counts);
		tree_text(merged, "device", live->name);
		tree_number(merged, "pause_microseconds", live->pause / 1000);
		document_element(merged);
	}
	tree_size_words(live->counts.data, data, sizeof(data));
	tree_size_words(live->counts.zeros, zeros, sizeof(zeros));
	msg_info("%s: %s is merged into %s: %s of data and %s of zeros; I/O was held back for %llu.%02llu ms at most",
		 live->name, child, into, data, zeros,
		 (unsigned long long)live->pause / 1000000,
		 (unsigned long long)live->pause / 10000 % 100);
}

/* The device goes on in a new, empty child of that name. */
static int keep_child(const struct merge_live *live)
{
	struct snapshot snapshot;
	int err;

	snapshot_init(&snapshot);
	snapshot.windows = live->plan.windows;
	err = dmdev_query(live->name, &snapshot.dev);
	if (!err)
		err = snapshot_check(&snapshot);
	if (!err)
		err = snapshot_name(&snapshot, live->plan.name);
	if (!err)
		err = snapshot_child(&snapshot, live->plan.path[0]);
	if (!err)
		err = snapshot_take(&snapshot);
	snapshot_free(&snapshot);
	return err;
}

static int merge_seen(struct merge_live *live)
{
	int err;

	progress_begin(&live->progress, "merge");
	background_ready();
	err = merge_rounds(live);
	progress_end(&live->progress);
	if (err)
		stop(live, err);
	else
		tell_done(live);
	if (!err && live->plan.options->keep)
		err = keep_child(live);
	return err;
}

/* All that can be checked is in order, and the target is lent. */
static int merge_lent(struct merge_live *live, const struct dmdev *dev)
{
	const char *why;
	int err = merge_state_begin(&live->state, dev);

	if (err)
		return err;
	err = merge_seen(live);
	why = background_error();
	if (!why)
		why = exit_word(err);
	merge_state_end(&live->state, err ? why : NULL);
	return err;
}

static void tell_background(const struct merge_live *live, pid_t process)
{
	msg_info("%s: process %d goes on with the merge; `vhdxsetup status %s' shows how far it is",
		 live->name, process, live->name);
}

/* *@process: set to the one that goes on with it, if another does. */
static int merge_device(struct merge_live *live, const struct dmdev *dev,
			pid_t *process)
{
	int err = merge_lend(live, live->plan.into);

	if (err)
		return err;
	if (live->plan.options->background) {
		err = background_begin(process);
		if (!err)
			tell_background(live, *process);
		else if (err < 0)
			merge_recall(live, live->plan.into);
		if (err <= 0)
			return err;
	}
	live->state.into = merge_plan_name(&live->plan, live->plan.into);
	return merge_lent(live, dev);
}

static int merge_planned(struct merge_live *live, const struct dmdev *dev)
{
	bool json = live->plan.options->json;
	struct json_object *background;
	pid_t process = 0;
	int err;

	if (json)
		document_list("merges");
	err = merge_device(live, dev, &process);
	if (json)
		document_list_end(!err);
	if (json && process) {
		background = tree_new();
		tree_text(background, "device", live->name);
		tree_number(background, "process", (u64)process);
		document_put("background", background);
	}
	return err;
}

static int merge_locked(struct merge_live *live, struct dmdev *dev)
{
	struct snapshot snapshot;
	int err = device_needs(LEND_MINOR, "a merge of a device in use");

	if (err)
		return err;
	snapshot_init(&snapshot);
	snapshot.why = "is read-only, so it goes on in no other image; merge it when it is closed";
	snapshot.dev = *dev;
	*dev = (struct dmdev){ 0 };
	live->name = snapshot.dev.name;
	err = snapshot_check(&snapshot);
	if (!err)
		err = make_plan(live, &snapshot.dev);
	if (!err)
		err = merge_planned(live, &snapshot.dev);
	snapshot_free(&snapshot);
	return err;
}

static int check_options(const struct options *options)
{
	if (options->parent_count)
		msg_err("--parent: a device knows its parents");
	else if (options->parents_anywhere)
		msg_err("--parents-anywhere: a device knows its parents");
	else if (options->child_count)
		msg_err("--child: what a device goes on with is not in the middle of a chain");
	else
		return 0;
	return -EINVAL;
}

/**
 * merge_live() - merge the child of a device
 * @options: of the command line
 * @name: of the device
 *
 * Return: 0, and the device goes on in what the child was merged into; or a
 * negative errno after a message, and the disk is what it was.
 */
int merge_live(const struct options *options, const char *name)
{
	struct merge_live *live = calloc(1, sizeof(*live));
	struct dmdev dev;
	int lock, err;

	if (!live)
		return -ENOMEM;
	live->plan.options = options;
	live->plan.live = true;
	live->max_pause = NSECS_PER_MS *
			  (options->max_pause ? options->max_pause : PAUSE_MS);
	err = check_options(options);
	if (!err)
		err = device_arg(name, &dev);
	if (!err) {
		lock = device_lock(&dev);
		live->state.lock = lock;
		err = lock < 0 ? lock : merge_locked(live, &dev);
		if (lock >= 0)
			device_unlock(lock);
		dmdev_forget(&dev);
	}
	merge_plan_free(&live->plan);
	free(live);
	return err;
}
