// SPDX-License-Identifier: GPL-2.0-only
/*
 * compact: blocks move down into holes, and the file of an image gets short, also
 * while a device of it is in use. dm-vhdx/engine/compact.h, and move.h, say why a
 * crash at any instant does no harm.
 */
#include "compact-live.h"
#include "compact.h"
#include "device-arg.h"
#include "document.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"
#include "rate.h"
#include "recover.h"
#include "trim-inside.h"

/**
 * struct compacting - an image that is to be compacted
 * @options: of the command line
 * @path: the image, as it was given
 * @layer: the image, open
 * @plan: what moves where
 * @from: bytes of the file as it was
 * @progress: follows the moving
 * @rate: bounds it
 * @step: is told by the engine, for both
 * @done: bytes that have moved
 */
struct compacting {
	const struct options *options;
	const char *path;
	struct layer *layer;
	struct vhdx_plan *plan;
	u64 from;
	struct progress progress;
	struct rate rate;
	struct vhdx_progress step;
	u64 done;
};

/* On a block device, return the part that the image uses. */
static u64 length_before(const struct compacting *c)
{
	return c->layer->file.device ? c->plan->used : c->from;
}

static u64 length_after(const struct compacting *c)
{
	return c->layer->file.device ? c->plan->end : c->plan->length;
}

static int make_plan(struct compacting *c)
{
	struct progress progress;
	int err = 0;

	progress_begin(&progress, "looking");
	c->plan = vhdx_plan_new(c->layer->image, c->options->zeros,
				&progress.engine, &c->layer->report);
	progress_end(&progress);
	if (IS_ERR(c->plan)) {
		err = (int)PTR_ERR(c->plan);
		c->plan = NULL;
	}
	if (err == -EINTR)
		msg_err("%s: interrupted: nothing has changed", c->path);
	return err;
}

static int moving_step(struct vhdx_progress *step, u64 done, u64 total)
{
	struct compacting *c = container_of(step, struct compacting, step);

	if (done > c->done)
		rate_took(&c->rate, done - c->done);
	c->done = done;
	return progress_step(&c->progress, done, total);
}

static int carry_out(struct compacting *c)
{
	struct vhdx_session *session =
		vhdx_session_new(c->layer->image, &c->layer->report);
	int err;

	if (IS_ERR(session))
		return (int)PTR_ERR(session);
	rate_begin(&c->rate, c->options->rate);
	c->step.step = moving_step;
	progress_begin(&c->progress, "compact");
	err = vhdx_compact(session, c->plan, &c->step, &c->layer->report);
	progress_end(&c->progress);
	vhdx_session_free(session);
	if (err == -EINTR)
		msg_err("%s: interrupted: the disk is what it was; compact it again to go on",
			c->path);
	return err;
}

/* A file without holes stays so: it may be for Windows, which refuses holes. */
static int look_for_holes(struct compacting *c)
{
	struct user_store *file = &c->layer->file;
	int sparse;

	if (file->device)
		return 0;
	sparse = user_store_is_sparse(file);
	if (sparse < 0) {
		msg_err("%s: %s", c->path, strerror(-sparse));
		return sparse;
	}
	file->no_holes = c->options->no_sparse || !sparse;
	return 0;
}

static int fill_step(void *progress, u64 done, u64 total)
{
	return progress_step(progress, done, total);
}

static int fill_holes(const struct compacting *c)
{
	struct progress progress;
	int err;

	progress_begin(&progress, "filling holes");
	err = user_store_fill(&c->layer->file, fill_step, &progress);
	progress_end(&progress);
	if (err == -EINTR)
		msg_err("%s: interrupted: the file still has holes", c->path);
	else if (err)
		msg_err("%s: its holes cannot be filled: %s", c->path,
			strerror(-err));
	else if (user_store_is_sparse(&c->layer->file) > 0)
		err = -EOPNOTSUPP;
	if (err == -EOPNOTSUPP)
		msg_err("%s: this file system keeps holes, or compresses: the file is still sparse",
			c->path);
	return err;
}

static void announce(const struct compacting *c, bool gains)
{
	const char *what = c->layer->file.device ? "the image on it" : "the file";
	char from[32], to[32], moves[32], given[32];
	const struct vhdx_plan *plan = c->plan;

	if (!gains) {
		msg_info("%s: nothing to gain: %s has %s, and cannot be shorter",
			 c->path, what,
			 tree_size_words(length_before(c), from, sizeof(from)));
		return;
	}
	msg_info("%s: %s %s from %s to %s; %s of blocks %s, %s of space that held nothing %s given back",
		 c->path, what, c->options->dry_run ? "would get" : "got",
		 tree_size_words(length_before(c), from, sizeof(from)),
		 tree_size_words(length_after(c), to, sizeof(to)),
		 tree_size_words(plan->moves, moves, sizeof(moves)),
		 c->options->dry_run ? "would move" : "moved",
		 tree_size_words(plan->given + plan->zeroed, given,
				 sizeof(given)),
		 c->options->dry_run ? "would be" : "is");
}

static void put_json(const struct compacting *c)
{
	document_put("image", tree_string(c->layer->path));
	document_put("dry_run", tree_boolean(c->options->dry_run));
	document_put("old_length", tree_integer(length_before(c)));
	document_put("new_length", tree_integer(length_after(c)));
	document_put("moved_blocks", tree_integer(c->plan->moved));
	document_put("moved_bytes", tree_integer(c->plan->moves));
	document_put("empty_bytes", tree_integer(c->plan->given));
	document_put("zero_bytes", tree_integer(c->plan->zeroed));
}

static int compact(struct compacting *c)
{
	bool gains;
	int err = 0;

	c->from = c->layer->file.store.size;
	if (!c->options->dry_run)
		err = vhdx_image_recover(c->layer->image);
	if (!err)
		err = make_plan(c);
	if (err)
		return err;
	gains = vhdx_plan_gains(c->plan, c->layer->file.device);
	if (!c->options->dry_run && gains) {
		err = look_for_holes(c);
		if (!err)
			err = carry_out(c);
	}
	if (!err && c->options->no_sparse && !c->options->dry_run &&
	    !c->layer->file.device)
		err = fill_holes(c);
	if (!err)
		announce(c, gains);
	return err;
}

static int check_options(const struct options *options)
{
	if (options->filesystem && options->dry_run) {
		msg_err("--filesystem and --dry-run exclude each other: what file systems do not use is known when they are mounted");
		return -EINVAL;
	}
	if (!options->filesystem &&
	    (options->parent_count || options->parents_anywhere ||
	     options->force)) {
		msg_err("--parent, --parents-anywhere and --force go with --filesystem");
		return -EINVAL;
	}
	return 0;
}

static int compact_image(const struct options *options, char *path)
{
	struct compacting c = { .options = options, .path = path };
	struct disk *disk;
	int err = check_options(options);

	/* Only what is discarded is known to be free. */
	if (!err && options->filesystem)
		err = trim_inside(options, path);
	if (!err)
		err = open_image(options, path,
				 options->dry_run ? OPEN_IDLE : OPEN_WRITABLE,
				 sink_messages(), &disk);
	if (err)
		return err;
	c.layer = disk->layer[0];
	err = compact(&c);
	if (!err && options->json)
		put_json(&c);
	if (c.plan)
		vhdx_plan_free(c.plan);
	disk_close(disk);
	return err;
}

static void announce_live(const struct options *options, const char *name,
			  const struct compacted *done)
{
	const char *what = done->device ? "the image on it" : "the file";
	char from[32], to[32], bytes[32];

	tree_size_words(done->from, from, sizeof(from));
	tree_size_words(done->to, to, sizeof(to));
	tree_size_words(done->bytes, bytes, sizeof(bytes));
	if (done->to >= done->from && !done->bytes)
		msg_info("%s: nothing to gain: %s has %s, and cannot be shorter while the device is in use",
			 name, what, from);
	else if (options->dry_run)
		msg_info("%s: %s would get from %s to %s; %s of blocks would move",
			 name, what, from, to, bytes);
	else
		msg_info("%s: %s got from %s to %s; %s of blocks moved; I/O was held back for %llu.%02llu ms",
			 name, what, from, to, bytes,
			 (unsigned long long)done->nsecs / 1000000,
			 (unsigned long long)done->nsecs / 10000 % 100);
	if (done->full)
		msg_info("%s: some blocks stay: there was no hole left for them, or no room in the file system",
			 name);
}

static void put_json_live(const struct options *options, const char *name,
			  const struct compacted *done)
{
	document_put("device", tree_string(name));
	document_put("pause_nanoseconds", tree_integer(done->nsecs));
	document_put("image", tree_string(done->image));
	document_put("dry_run", tree_boolean(options->dry_run));
	document_put("old_length", tree_integer(done->from));
	document_put("new_length", tree_integer(done->to));
	document_put("moved_blocks", tree_integer(done->blocks));
	document_put("moved_bytes", tree_integer(done->bytes));
	document_put("empty_bytes", tree_integer(0));
	document_put("zero_bytes", tree_integer(0));
}

/* The option that is for an image which no device uses, or NULL. */
static const char *option_at_rest(const struct options *options)
{
	if (options->zeros)
		return "--zeros";
	if (options->no_sparse)
		return "--no-sparse";
	if (options->parent_count)
		return "--parent";
	return options->parents_anywhere ? "--parents-anywhere" : NULL;
}

static int check_options_live(const struct options *options, const char *name)
{
	const char *wrong = option_at_rest(options);

	if (options->filesystem) {
		msg_err("%s: is in use, so its file systems can be mounted: fstrim has them discard what they do not use",
			name);
		return -EINVAL;
	}
	if (!wrong)
		return 0;
	msg_err("%s: is in use; %s is for an image that no device uses", name,
		wrong);
	return -EINVAL;
}

static int compact_device(const struct options *options, struct dmdev *dev)
{
	struct compacted done = { 0 };
	int err = check_options_live(options, dev->name);

	if (!err)
		err = compact_live(options, dev, &done);
	if (!err)
		announce_live(options, dev->name, &done);
	if (!err && options->json)
		put_json_live(options, dev->name, &done);
	free(done.image);
	return err;
}

/**
 * cmd_compact() - the verb `compact`
 * @options: of the command line
 * @args: the device or the image
 *
 * Return: 0 or a negative errno: the disk reads as before.
 */
int cmd_compact(const struct options *options, char **args)
{
	struct dmdev dev = { 0 };
	int err = device_of(args[0], &dev);

	if (!err)
		err = compact_device(options, &dev);
	else if (err == -ENXIO)
		err = compact_image(options, args[0]);
	dmdev_forget(&dev);
	return err;
}
