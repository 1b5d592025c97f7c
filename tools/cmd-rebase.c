// SPDX-License-Identifier: GPL-2.0-only
/* rebase: change the path of a child's parent, or its parent. */
#include <sys/stat.h>

#include "child-link.h"
#include "document.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "parent-arg.h"
#include "rebase-copy.h"
#include "recover.h"
#include "relink.h"
#include "siblings.h"
#include "vhdxsetup.h"

/**
 * struct rebase - a child and its new parent
 * @options: of the command line
 * @path: path of the child
 * @parent: the new parent and its ancestors
 * @child: the child; with --copy, with its old parents
 * @name: how the child names the parent, as an absolute path
 * @copied: bytes that were copied into the child
 */
struct rebase {
	const struct options *options;
	const char *path;
	struct disk *parent;
	struct disk *child;
	char *name;
	u64 copied;
};

static const struct layer *new_parent(const struct rebase *rebase)
{
	return rebase->parent->layer[0];
}

static int check_options(const struct rebase *rebase)
{
	if (rebase->options->parent_count)
		return 0;
	msg_err("%s: --parent is required", rebase->path);
	return -EINVAL;
}

/*
 * Check this before opening the child: if the child is an ancestor, its own
 * lock would look like another program's.
 */
static int check_cycle(const struct rebase *rebase)
{
	struct stat st;
	u32 i;

	if (stat(rebase->path, &st))
		return 0;
	for (i = 0; i < rebase->parent->depth; i++) {
		if (!user_store_is(&rebase->parent->layer[i]->file, &st))
			continue;
		if (i)
			msg_err("%s: is an ancestor of %s: the chain would be a cycle",
				rebase->path, new_parent(rebase)->path);
		else
			msg_err("%s: cannot be its own parent", rebase->path);
		return -ELOOP;
	}
	return 0;
}

/* Open the child without --parent, which names the new parents. */
static int open_child(struct rebase *rebase)
{
	struct options options = *rebase->options;
	int err;

	options.parent_count = 0;
	err = open_image(&options, rebase->path, OPEN_WRITABLE, sink_messages(),
			 &rebase->child);
	if (err || rebase->child->layer[0]->image->params.has_parent)
		return err;
	msg_err("%s: is no child: it has no parent, and needs none",
		rebase->path);
	return -EINVAL;
}

/* The engine has reported the fault; name the options that help. */
static int refuse_parent(const struct rebase *rebase, int err)
{
	if (err == -ESTALE)
		msg_err("%s: not changed; --copy copies what %s lacks, --ignore-id-mismatch accepts it as it is",
			rebase->path, new_parent(rebase)->path);
	return err == -EUCLEAN ? -ESTALE : err;
}

/* Check that the child and its new ancestors form a chain. */
static int check_chain(const struct rebase *rebase)
{
	struct layer *child = rebase->child->layer[0];
	struct vhdx_image *images[VHDX_CHAIN_MAX];
	const struct disk *parent = rebase->parent;
	struct vhdx_chain *chain;
	u32 i;

	images[0] = child->image;
	for (i = 0; i < parent->depth; i++)
		images[1 + i] = parent->layer[i]->image;
	chain = vhdx_chain_new(images, 1 + parent->depth,
			       rebase->options->ignore_id || rebase->options->copy ?
			       VHDX_CHAIN_IGNORE_ID : 0, &child->report);
	if (IS_ERR(chain))
		return refuse_parent(rebase, (int)PTR_ERR(chain));
	vhdx_chain_free(chain);
	return 0;
}

/* With --copy, replay the child's log, and open its old parents. */
static int copy_lacking(struct rebase *rebase)
{
	int err;

	if (!rebase->options->copy)
		return 0;
	if (!guid_equal(&rebase->child->layer[0]->image->params.disk_id,
			&new_parent(rebase)->image->params.disk_id))
		msg_warn("%s: is another disk by its identity, so %s cannot be merged into it later",
			 new_parent(rebase)->path, rebase->path);
	err = vhdx_image_recover(rebase->child->layer[0]->image);
	if (!err)
		err = disk_follow(rebase->child);
	if (!err)
		err = rebase_copy(rebase->child, rebase->parent,
				  &rebase->copied);
	return err;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_locator(const struct vhdx_locator *a,
			 const struct vhdx_locator *b)
{
	return guid_equal(&a->linkage, &b->linkage) &&
	       guid_equal(&a->linkage2, &b->linkage2) &&
	       same_text(a->relative_path, b->relative_path) &&
	       same_text(a->absolute_path, b->absolute_path) &&
	       same_text(a->volume_path, b->volume_path);
}

/*
 * An interrupted merge leaves two linkages in the child. Drop the second one if
 * the parent has it, because it is the first one then.
 */
static int make_locator(struct rebase *rebase, struct vhdx_locator **locator)
{
	const struct layer *child = rebase->child->layer[0];
	const struct vhdx_locator *old = child->image->locator;
	const guid_t *identity = vhdx_image_identity(new_parent(rebase)->image);
	const struct child_link link = {
		.child = child->path,
		.parent = child_link_name(new_parent(rebase),
					  rebase->options->parents[0]),
		.absolute = rebase->options->absolute_path,
		.volume = rebase->options->volume_path,
	};
	int err;

	child_link_warn(link.parent);
	err = child_link_locator(&link, identity, locator);
	if (err)
		return err;
	if (guid_equal(identity, &old->linkage))
		(*locator)->linkage2 = old->linkage2;
	rebase->name = child_link_path(link.parent);
	return 0;
}

static const char *parent_name(const struct rebase *rebase)
{
	return rebase->name ? rebase->name : new_parent(rebase)->path;
}

static void put_json(const struct rebase *rebase, bool changed, bool adopted)
{
	document_put("image", tree_string(rebase->child->layer[0]->path));
	document_put("parent", tree_string(parent_name(rebase)));
	document_put("changed", tree_boolean(changed));
	document_put("adopted", tree_boolean(adopted));
	document_put("copied", tree_integer(rebase->copied));
}

static int write_link(const struct rebase *rebase,
		      const struct vhdx_locator *locator, bool adopted)
{
	struct layer *child = rebase->child->layer[0];
	int err = 0;

	/* The identity changes with what the disk holds. */
	if (adopted && !rebase->options->copy)
		err = siblings_guard(rebase->child, rebase->path,
				     rebase->options->force, "rebases it");
	if (err)
		return err;
	if (adopted && !rebase->options->copy)
		msg_warn("%s: was not made over %s: data that the child lacks reads differently from now on",
			 child->path, parent_name(rebase));
	err = relink(child, locator, !adopted || rebase->options->copy);
	if (err)
		return err;
	msg_info("%s: its parent is %s from now on", child->path,
		 parent_name(rebase));
	if (child_link_leads_out(locator, &new_parent(rebase)->file))
		child_link_tell(child->path);
	return 0;
}

static int change_link(const struct rebase *rebase,
		       const struct vhdx_locator *locator)
{
	const struct layer *child = rebase->child->layer[0];
	const struct vhdx_locator *old = child->image->locator;
	bool adopted = !vhdx_locator_matches(old,
			vhdx_image_identity(new_parent(rebase)->image));
	bool changed = !same_locator(old, locator);
	int err = 0;

	if (changed)
		err = write_link(rebase, locator, adopted);
	else
		msg_info("%s: already names %s", child->path,
			 parent_name(rebase));
	if (!err && rebase->options->json)
		put_json(rebase, changed, adopted);
	return err;
}

static int rebase_child(struct rebase *rebase)
{
	struct vhdx_locator *locator;
	int err;

	err = parent_arg_open(rebase->options, &rebase->parent);
	if (!err)
		err = check_cycle(rebase);
	if (!err)
		err = open_child(rebase);
	if (!err)
		err = check_chain(rebase);
	if (!err)
		err = make_locator(rebase, &locator);
	if (err)
		return err;
	err = copy_lacking(rebase);
	if (!err)
		err = change_link(rebase, locator);
	vhdx_locator_free(locator);
	return err;
}

/**
 * cmd_rebase() - the verb `rebase`
 * @options: of the command line
 * @args: the child
 *
 * Return: 0 or a negative errno.
 */
int cmd_rebase(const struct options *options, char **args)
{
	struct rebase rebase = { .options = options, .path = args[0] };
	int err = check_options(&rebase);

	if (!err)
		err = rebase_child(&rebase);
	disk_close(rebase.child);
	disk_close(rebase.parent);
	free(rebase.name);
	return err;
}
