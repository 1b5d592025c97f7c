// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ancestor.h"
#include "child-link.h"
#include "directory.h"
#include "merge-children.h"
#include "merge-done.h"
#include "merge-plan.h"
#include "merge.h"
#include "message.h"
#include "side.h"
#include "siblings.h"
#include "tree.h"

#define SIDES_MAX	10000U

/**
 * merge_plan_path() - add an image to the chain
 * @plan: the plan
 * @nr: index that it gets; those from there on move down
 * @path: of the image
 *
 * Return: 0 or -ENOMEM.
 */
int merge_plan_path(struct merge_plan *plan, u32 nr, const char *path)
{
	char *copy = strdup(path);

	if (!copy || plan->depth == VHDX_CHAIN_MAX) {
		free(copy);
		return -ENOMEM;
	}
	memmove(plan->path + nr + 1, plan->path + nr,
		(plan->depth - nr) * sizeof(*plan->path));
	plan->path[nr] = copy;
	plan->depth++;
	return 0;
}

/**
 * merge_plan_add() - add all images of an open chain
 * @plan: the plan
 * @disk: the chain
 *
 * Return: 0 or -ENOMEM.
 */
int merge_plan_add(struct merge_plan *plan, const struct disk *disk)
{
	u32 i;
	int err = 0;

	for (i = 0; i < disk->depth && !err; i++)
		err = merge_plan_path(plan, plan->depth, disk->layer[i]->path);
	return err;
}

/* The parts of the first image that follow it. */
static u32 count_sides(const struct merge_plan *plan)
{
	u32 count = 0;

	while (count + 2 < plan->depth && is_side(plan->path[count + 1], plan->path[0]))
		count++;
	return count;
}

/**
 * merge_plan_side() - a name for the child of a live device
 * @plan: the plan
 *
 * Return: a path where nothing is, for free(), or NULL.
 */
char *merge_plan_side(const struct merge_plan *plan)
{
	struct stat st;
	u32 number;
	char *path;

	for (number = 1; number <= SIDES_MAX; number++) {
		if (asprintf(&path, "%s" SIDE_WORD "%u", plan->path[0], number) < 0)
			return NULL;
		if (lstat(path, &st) && errno == ENOENT)
			return path;
		free(path);
	}
	return NULL;
}

/* Children of the image itself, but for those that go on over its parent. */
static int check_own_children(const struct merge_plan *plan, const struct disk *disk)
{
	const struct options *options = plan->options;
	u32 found;
	int err;

	/* An empty image in its place is their parent as well. */
	if (options->keep && !plan->live)
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
static int check_others(const struct merge_plan *plan, const struct disk *disk,
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

/**
 * merge_plan_children() - find images that would lose their parent
 * @plan: the plan
 * @disk: the chain, or the end of it
 * @into: index in it of the image that changes, and those before it go
 * @done: the parent has it all, and does not change
 *
 * Return: 0; or a negative errno after a message: -EBUSY if there are such, and
 * --force was not given.
 */
int merge_plan_children(const struct merge_plan *plan, const struct disk *disk,
			u32 into, bool done)
{
	int err = check_own_children(plan, disk);

	return err || (done && into == 1) ? err :
					    check_others(plan, disk, into);
}

/* A removed image must be a file in a writable directory. */
static int check_removal(const struct merge_plan *plan, const struct disk *disk)
{
	u32 i;
	int err = 0;

	for (i = 0; i < plan->into && !err; i++) {
		err = directory_check(disk->layer[i]->path);
		if (!disk->layer[i]->file.device)
			continue;
		msg_err("%s: is a block device, which a merge cannot remove; only what all is merged into may lie on one",
			disk->layer[i]->path);
		err = -EINVAL;
	}
	return err;
}

static int check_pair(const struct merge_plan *plan, const struct disk *disk, u32 nr)
{
	struct vhdx_report *report = &disk->layer[nr]->report;

	return plan->options->child_count ?
		       vhdx_merge_check_middle(disk->chain, nr, report) :
		       vhdx_merge_check(disk->chain, nr, report);
}

/* Before the chain of the device gets longer. */
static int check_live(const struct merge_plan *plan, struct disk *disk)
{
	struct layer *layer = disk->layer[plan->into];
	const char *why;
	int err;

	if (!plan->live)
		return 0;
	if (access(layer->path, W_OK)) {
		err = -errno;
		msg_err("%s: cannot be written: %s", layer->path,
			strerror(-err));
		return err;
	}
	why = user_store_read_only(&layer->file);
	if (why) {
		msg_err("%s: cannot be written: %s", layer->path, why);
		return -EROFS;
	}
	return vhdx_merge_check_lent(disk->chain, plan->into, &layer->report);
}

/* Of files: what was done before a merge was stopped is not done again. */
static int check_files(const struct merge_plan *plan, struct disk *disk,
		       bool *done)
{
	int err;

	*done = false;
	if (plan->live)
		return 0;
	err = merge_done(disk, plan->options->child_count, done);
	return err ? err : merge_children_check(plan->options, disk, *done);
}

/**
 * merge_plan_name() - what messages call an image
 * @plan: the plan, checked
 * @nr: index of the image
 *
 * Return: its path; of a device, a name that lasts, if there is one.
 */
const char *merge_plan_name(const struct merge_plan *plan, u32 nr)
{
	return nr == plan->into && plan->name ? plan->name : plan->path[nr];
}

/* What the last child calls the image that all is merged into. */
static int find_names(struct merge_plan *plan, const struct disk *disk)
{
	const struct layer *child = disk->layer[plan->into - 1];

	plan->name = child_link_device(child, disk->layer[plan->into]);
	plan->windows = calloc(1, sizeof(*plan->windows));
	return plan->windows ?
		child_link_windows(plan->windows, child->image->locator) : -ENOMEM;
}

/**
 * merge_plan_check() - can it be done?
 * @plan: the plan, with all images of the chain; what it merges into is set
 * @disk: the chain
 *
 * Return: 0, or a negative errno after a message.
 */
int merge_plan_check(struct merge_plan *plan, struct disk *disk)
{
	const char *into = plan->options->into;
	bool done;
	u32 i;
	int err = ancestor_find(disk, into, &plan->into);

	if (!into && !err)
		plan->into += count_sides(plan);
	if (!err)
		err = find_names(plan, disk);
	for (i = 0; i < plan->into && !err && !plan->live; i++)
		err = check_pair(plan, disk, i);
	if (!err)
		err = check_removal(plan, disk);
	if (!err)
		err = check_live(plan, disk);
	if (!err)
		err = check_files(plan, disk, &done);
	return err ? err : merge_plan_children(plan, disk, plan->into, done);
}

/**
 * merge_plan_tree() - tell of a merge that is done
 * @plan: the plan
 * @nr: index of the image that was merged
 * @into: index of the image that it is in now
 * @counts: what was carried down
 *
 * Return: an element of "merges", which the caller owns.
 */
struct json_object *merge_plan_tree(const struct merge_plan *plan, u32 nr,
				    u32 into, const struct merge_counts *counts)
{
	const struct options *options = plan->options;
	struct json_object *merged = tree_new(), *children = tree_list();
	unsigned int i;

	for (i = 0; i < options->child_count; i++)
		tree_append(children, tree_string(options->children[i]));
	tree_add(merged, "children", children);
	tree_text(merged, "image", plan->path[nr]);
	tree_text(merged, "into", merge_plan_name(plan, into));
	tree_number(merged, "data_bytes", counts->data);
	tree_number(merged, "zero_bytes", counts->zeros);
	tree_flag(merged, "removed", !options->keep);
	return merged;
}

/**
 * merge_plan_free() - forget the chain
 * @plan: the plan
 */
void merge_plan_free(struct merge_plan *plan)
{
	while (plan->depth)
		free(plan->path[--plan->depth]);
	free(plan->name);
	vhdx_locator_free(plan->windows);
}
