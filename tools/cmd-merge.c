// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge: the contents of a child go down into its parent, and the chain gets
 * shorter. dm-vhdx/engine/merge.h says why a crash at any instant does no harm.
 * The child may have children, which go on over its parent.
 */
#include "ancestor.h"
#include "directory.h"
#include "document.h"
#include "findings.h"
#include "merge-children.h"
#include "merge-copy.h"
#include "merge-done.h"
#include "merge-finish.h"
#include "merge.h"
#include "message.h"
#include "open-image.h"
#include "recover.h"
#include "siblings.h"
#include "tree.h"

/**
 * struct plan - a merge that is wanted
 * @options: of the command line
 * @path: of the images of the chain, the child first
 * @depth: how many
 * @into: index of the image that the disk is to be in
 */
struct plan {
	const struct options *options;
	char *path[VHDX_CHAIN_MAX];
	u32 depth;
	u32 into;
};

static void plan_free(struct plan *plan)
{
	while (plan->depth)
		free(plan->path[--plan->depth]);
}

static int remember_paths(struct plan *plan, const struct disk *disk)
{
	for (; plan->depth < disk->depth; plan->depth++) {
		plan->path[plan->depth] =
			strdup(disk->layer[plan->depth]->path);
		if (!plan->path[plan->depth])
			return -ENOMEM;
	}
	return 0;
}

/* Children of the image itself, but for those that go on over its parent. */
static int check_own_children(const struct plan *plan, const struct disk *disk)
{
	const struct options *options = plan->options;
	u32 found;
	int err;

	/* An empty image in its place is their parent as well. */
	if (options->keep)
		return 0;
	err = siblings_say_but(disk, 0, options->children, options->child_count,
			       options->force, &found);
	if (err || !found || options->force)
		return err;
	msg_err("%s: has children, which would lose their parent: name each by --child to have it go on over %s; --keep leaves an empty parent to them, --force nothing",
		disk->layer[0]->path, disk->layer[1]->path);
	return -EBUSY;
}

/* Children of what the image is merged into. */
static int check_others(const struct plan *plan, const struct disk *disk,
			u32 into)
{
	const struct options *options = plan->options;
	u32 i, found, others = 0;
	int err = 0;

	for (i = 1; i <= into && !err; i++) {
		err = siblings_say(disk, i, options->force, &found);
		others += found;
	}
	if (err || !others || options->force)
		return err;
	msg_err("%s: a merge changes it, and other children of it would not open any more; --force merges all the same",
		disk->layer[into]->path);
	return -EBUSY;
}

/* @done: the parent has it all, and does not change. */
static int check_children(const struct plan *plan, const struct disk *disk,
			  u32 into, bool done)
{
	int err = check_own_children(plan, disk);

	return err || (done && into == 1) ? err :
					    check_others(plan, disk, into);
}

/* An image that is removed lies in a file, in a directory that can be written. */
static int check_removal(const struct plan *plan, const struct disk *disk)
{
	u32 i;
	int err = 0;

	for (i = 0; i < plan->into && !err; i++) {
		err = directory_check(disk->layer[i]->path);
		if (!disk->layer[i]->file.device)
			continue;
		msg_err("%s: is a block device, which cannot be removed",
			disk->layer[i]->path);
		err = -EINVAL;
	}
	return err;
}

static int check_pair(const struct plan *plan, const struct disk *disk, u32 nr)
{
	struct vhdx_report *report = &disk->layer[nr]->report;

	return plan->options->child_count ?
		       vhdx_merge_check_middle(disk->chain, nr, report) :
		       vhdx_merge_check(disk->chain, nr, report);
}

static int check_plan(struct plan *plan, struct disk *disk)
{
	bool done;
	u32 i;
	int err = ancestor_find(disk, plan->options->into, &plan->into);

	for (i = 0; i < plan->into && !err; i++)
		err = check_pair(plan, disk, i);
	if (!err)
		err = check_removal(plan, disk);
	if (!err)
		err = merge_done(disk, &done);
	if (!err)
		err = merge_children_check(plan->options, disk, done);
	return err ? err : check_children(plan, disk, plan->into, done);
}

/* All that can be known before anything changes. */
static int make_plan(struct plan *plan, const char *path)
{
	struct disk *disk;
	int err = open_image(plan->options, path, OPEN_IDLE, sink_messages(),
			     &disk);

	if (err)
		return err;
	err = disk_follow(disk);
	if (!err)
		err = remember_paths(plan, disk);
	if (!err)
		err = check_plan(plan, disk);
	disk_close(disk);
	return err;
}

/*
 * The chain from one of the plan's images on, it and its parent to be written.
 * *@done: if true, set as by merge_done().
 */
static int open_pair(const struct plan *plan, u32 nr, struct disk **opened,
		     bool *done)
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
		err = merge_done(*opened, done);
	/* Somebody may have made a child of one of them since the plan. */
	if (!err && !plan->options->force)
		err = check_children(plan, *opened, 1, *done);
	if (err) {
		disk_close(*opened);
		*opened = NULL;
	}
	return err;
}

static int grow_parent(const struct disk *disk, const guid_t *identity)
{
	struct layer *parent = disk->layer[1];
	int err = vhdx_merge_grow(disk->chain, identity, &parent->report);

	if (err == -ENOSPC)
		msg_err("%s: there is no room for its disk to grow",
			parent->path);
	return err;
}

/* The child names the identity that its parent will get; the parent may grow. */
static int link_opened(const struct disk *disk, const guid_t *identity)
{
	struct layer *child = disk->layer[0];
	int err = vhdx_merge_link(disk->chain, identity, &child->report);

	if (err == -ENOSPC)
		msg_err("%s: there is no room to write into it", child->path);
	return err ? err : grow_parent(disk, identity);
}

/* @done: set as by merge_done(); then nothing is to be linked. */
static int link_pair(const struct plan *plan, u32 nr, const guid_t *identity,
		     bool *done)
{
	struct disk *disk;
	int err;

	*done = true;
	err = open_pair(plan, nr, &disk, done);
	if (err)
		return err;
	if (!*done)
		err = link_opened(disk, identity);
	disk_close(disk);
	return err;
}

static void put_json(const struct plan *plan, u32 nr,
		     const struct merge_counts *counts)
{
	const struct options *options = plan->options;
	struct json_object *merged = tree_new(), *children = tree_list();
	unsigned int i;

	tree_text(merged, "image", plan->path[nr]);
	tree_text(merged, "into", plan->path[nr + 1]);
	tree_number(merged, "data_bytes", counts->data);
	tree_number(merged, "zero_bytes", counts->zeros);
	tree_flag(merged, "removed", !options->keep);
	for (i = 0; i < options->child_count; i++)
		tree_append(children, tree_string(options->children[i]));
	tree_add(merged, "children", children);
	document_element(merged);
}

static void tell_done(const struct plan *plan, u32 nr,
		      const struct merge_counts *counts)
{
	char data[32], zeros[32];

	if (plan->options->json)
		put_json(plan, nr, counts);
	msg_info("%s: merged into %s: %s of data and %s of zeros; %s",
		 plan->path[nr], plan->path[nr + 1],
		 tree_size_words(counts->data, data, sizeof(data)),
		 tree_size_words(counts->zeros, zeros, sizeof(zeros)),
		 plan->options->keep ? "it is empty now" : "it is removed");
}

static int copy_down(struct disk *disk, const guid_t *identity,
		     struct merge_counts *counts)
{
	struct progress progress;
	int err;

	progress_begin(&progress, "merge");
	err = merge_copy(disk, identity, &progress, counts);
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
static int copy_pair(const struct plan *plan, u32 nr, const guid_t *identity,
		     const bool was_done)
{
	struct merge_counts counts = { 0 };
	bool done = was_done;
	struct disk *disk;
	int err = open_pair(plan, nr, &disk, &done);

	if (err)
		return err;
	if (!was_done)
		err = copy_down(disk, identity, &counts);
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
static int merge_pair(const struct plan *plan, u32 nr)
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

/**
 * cmd_merge() - the verb `merge`
 * @options: of the command line
 * @args: the child
 *
 * Return: 0 or a negative errno: the chain reads as before.
 */
int cmd_merge(const struct options *options, char **args)
{
	struct plan plan = { .options = options };
	int err = make_plan(&plan, args[0]);
	u32 nr;

	if (!err && options->json)
		document_list("merges");
	for (nr = 0; nr < plan.into && !err; nr++)
		err = merge_pair(&plan, nr);
	if (nr && options->json)
		document_list_end(!err);
	plan_free(&plan);
	return err;
}
