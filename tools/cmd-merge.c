// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge: the contents of a child go down into its parent, and the chain gets
 * shorter. dm-vhdx/engine/merge.h says why a crash at any instant does no harm.
 * The child may have children, which go on over its parent.
 */
#include <sys/stat.h>

#include "dmdev.h"
#include "document.h"
#include "findings.h"
#include "merge-children.h"
#include "merge-copy.h"
#include "merge-done.h"
#include "merge-finish.h"
#include "merge-live.h"
#include "merge-plan.h"
#include "merge-stop.h"
#include "merge.h"
#include "message.h"
#include "open-image.h"
#include "recover.h"
#include "tree.h"

/* All that can be known before anything changes. */
static int make_plan(struct merge_plan *plan, const char *path)
{
	struct disk *disk;
	int err = open_image(plan->options, path, OPEN_IDLE, sink_messages(),
			     &disk);

	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = merge_plan_add(plan, disk);
	if (!err)
		err = merge_plan_check(plan, disk);
	disk_close(disk);
	return err;
}

/*
 * The chain from one of the plan's images on, it and its parent to be written.
 * *@done: if true, set as by merge_done().
 */
static int open_pair(const struct merge_plan *plan, u32 nr,
		     struct disk **opened, bool *done)
{
	struct options options = *plan->options;
	u32 i;
	int err;

	options.parent_count = plan->depth - nr - 1;
	for (i = 0; i < options.parent_count; i++)
		options.parents[i] = plan->path[nr + 1 + i];
	err = open_image(&options, plan->path[nr], OPEN_MERGED,
			 sink_messages(), opened);
	if (err)
		return err;
	err = disk_follow(*opened);
	for (i = 0; i < 2 && !err; i++)
		err = vhdx_image_recover((*opened)->layer[i]->image);
	if (!err && *done)
		err = merge_done(*opened, plan->options->child_count, done);
	/* Somebody may have made a child of one of them since the plan. */
	if (!err && !plan->options->force)
		err = merge_plan_children(plan, *opened, 1, *done);
	if (err) {
		disk_close(*opened);
		*opened = NULL;
	}
	return err;
}

/*
 * The child names the identity that its parent will get, and the parent gets its
 * size. One that gets children need not become smaller for that.
 */
static int link_opened(const struct merge_plan *plan, const struct disk *disk,
		       const guid_t *identity)
{
	u64 size = disk->chain->size;
	int err = merge_link(disk, identity);

	if (err || (plan->options->child_count &&
		    size < disk->layer[1]->image->params.size))
		return err;
	return merge_fit(disk, 1, size, identity);
}

/* @done: set as by merge_done(); then nothing is to be linked. */
static int link_pair(const struct merge_plan *plan, u32 nr,
		     const guid_t *identity, bool *done)
{
	struct disk *disk;
	int err;

	*done = true;
	err = open_pair(plan, nr, &disk, done);
	if (err)
		return err;
	if (!*done)
		err = link_opened(plan, disk, identity);
	disk_close(disk);
	return err;
}

static void tell_done(const struct merge_plan *plan, u32 nr,
		      const struct merge_counts *counts)
{
	char data[32], zeros[32];

	if (plan->options->json)
		document_element(merge_plan_tree(plan, nr, nr + 1, counts));
	msg_info("%s: merged into %s: %s of data and %s of zeros; %s",
		 plan->path[nr], merge_plan_name(plan, nr + 1),
		 tree_size_words(counts->data, data, sizeof(data)),
		 tree_size_words(counts->zeros, zeros, sizeof(zeros)),
		 plan->options->keep ? "it is empty now" : "it is removed");
}

static int copy_down(const struct merge_plan *plan, struct disk *disk,
		     const guid_t *identity, struct merge_counts *counts)
{
	struct progress progress;
	int err;

	progress_begin(&progress, "merge");
	err = merge_copy(disk, identity, plan->options->rate, &progress, counts);
	progress_end(&progress);
	return err;
}

static int refuse_change(const struct disk *disk)
{
	msg_err("%s: was written meanwhile; nothing was merged",
		disk->layer[0]->path);
	return -EBUSY;
}

/* The locks were given up in between, so all is checked once more. */
static int copy_pair(const struct merge_plan *plan, u32 nr,
		     const guid_t *identity, const bool was_done)
{
	struct merge_counts counts = { 0 };
	bool done = was_done;
	struct disk *disk;
	int err = open_pair(plan, nr, &disk, &done);

	if (err)
		return err;
	if (!was_done)
		err = copy_down(plan, disk, identity, &counts);
	else if (!done)
		err = refuse_change(disk);
	if (!err)
		err = merge_children_move(plan->options, disk);
	if (!err)
		err = plan->options->keep ? merge_empty(disk) :
					    merge_remove(disk);
	disk_close(disk);
	if (!err)
		tell_done(plan, nr, &counts);
	return err;
}

/* Returns as cmd_merge(). */
static int merge_pair(const struct merge_plan *plan, u32 nr)
{
	guid_t identity;
	bool done;
	int err;

	guid_gen(&identity);
	err = link_pair(plan, nr, &identity, &done);
	if (!err)
		err = copy_pair(plan, nr, &identity, done);
	if (err == -EINTR)
		msg_err("interrupted: the disk is what it was, as %s; merge that to go on",
			plan->path[nr]);
	else if (err && nr)
		msg_err("the disk is %s by now", plan->path[nr]);
	return err;
}

/* While no device has it. */
static int merge_files(const struct options *options, const char *path)
{
	struct merge_plan plan = { .options = options };
	u32 nr;
	int err;

	if (options->background) {
		msg_err("--background: is for the merge of a device");
		return -EINVAL;
	}
	err = make_plan(&plan, path);
	if (!err && options->json)
		document_list("merges");
	for (nr = 0; nr < plan.into && !err; nr++)
		err = merge_pair(&plan, nr);
	if (nr && options->json)
		document_list_end(!err);
	merge_plan_free(&plan);
	return err;
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Block devices may be ours, or hold an image. */
static bool is_device(const char *arg)
{
	struct dmdev dev;
	bool ours;

	if (is_file(arg))
		return false;
	if (!strchr(arg, '/'))
		return true;
	if (dmdev_query(dmdev_name_of(arg), &dev))
		return false;
	ours = dmdev_is_vhdx(&dev);
	dmdev_forget(&dev);
	return ours;
}

/**
 * cmd_merge() - the verb `merge`
 * @options: of the command line
 * @args: the child, or the device that goes on with it
 *
 * Return: 0 or a negative errno: the chain reads as before.
 */
int cmd_merge(const struct options *options, char **args)
{
	if (options->stop)
		return merge_stop(options, args[0]);
	return is_device(args[0]) ? merge_live(options, args[0]) :
				    merge_files(options, args[0]);
}
