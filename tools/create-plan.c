// SPDX-License-Identifier: GPL-2.0-only
#include "child-link.h"
#include "create-plan.h"
#include "message.h"
#include "parent-arg.h"
#include "tree.h"
#include "verbs.h"

/* vhdx_layout_fault() refuses the largest value for each of these sizes. */
static u32 clamped(u64 size)
{
	return (u32)min_t(u64, size, U32_MAX);
}

/* Name the option whose value is at fault. */
static int refuse_option(const struct create_plan *plan, const void *member,
			 const char *fault)
{
	const struct vhdx_create *create = &plan->new.create;
	const struct options *options = plan->options;
	const struct {
		const void *member;
		const char *option;
		u64 bytes;
	} all[] = {
		{ &create->size, "size", options->size },
		{ &create->block_size, "block-size", options->block_size },
		{ &create->logical_sector, "sector-size",
		  options->sector_size },
		{ &create->physical_sector, "physical-sector-size",
		  options->physical_sector_size },
		{ &create->log_length, "log-size", options->log_size },
	};
	const char *unit;
	u64 count;
	size_t i;

	if (member == &create->fixed)
		msg_err("--fixed: %s", fault);
	if (member == &create->allocated)
		msg_err("--preallocate: %s", fault);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].member != member)
			continue;
		count = tree_size_exact(all[i].bytes, &unit);
		msg_err("--%s %llu %s: %s", all[i].option, count, unit, fault);
	}
	return -EINVAL;
}

static void from_options(struct create_plan *plan)
{
	const struct options *options = plan->options;

	plan->new.create = (struct vhdx_create){
		.size = options->size,
		.block_size = clamped(options->block_size),
		.logical_sector = clamped(options->sector_size),
		.physical_sector = clamped(options->physical_sector_size),
		.log_length = clamped(options->log_size),
		.allocated = options->fixed || options->preallocate,
		.fixed = options->fixed,
		.fork = plan->parent ? &plan->fork : NULL,
	};
	vhdx_layout_usual(&plan->new.create);
}

static int refuse_smaller(const struct create_plan *plan)
{
	char size[32], parent[32];

	msg_err("%s%s: the disk of the parent has %s, and a smaller child would cut it",
		plan->options->given[OPT_SIZE] ? "--size " : "a disk of ",
		tree_size_words(plan->options->size, size, sizeof(size)),
		tree_size_words(plan->fork.params.size, parent,
				sizeof(parent)));
	return -EINVAL;
}

static int check_plan(const struct create_plan *plan)
{
	const struct vhdx_create *create = &plan->new.create;
	const void *member;
	const char *fault;

	if (!plan->parent && !plan->options->size) {
		msg_err("%s: --size is required, or --parent",
			plan->new.name);
		return -EINVAL;
	}
	fault = vhdx_layout_fault(create, &member);
	if (fault)
		return refuse_option(plan, member, fault);
	if (plan->parent && create->size < plan->fork.params.size)
		return refuse_smaller(plan);
	return 0;
}

static int make_fork(struct create_plan *plan)
{
	struct layer *parent = plan->parent->layer[0];
	const struct child_link link = {
		.child = plan->new.name,
		.parent = child_link_name(parent, plan->options->parents[0]),
		.absolute = plan->options->absolute_path,
		.volume = plan->options->volume_path,
	};
	struct vhdx_locator *locator;
	int err;

	child_link_warn(link.parent);
	err = child_link_locator(&link, vhdx_image_identity(parent->image),
				 &locator);
	if (err)
		return err;
	plan->parent_name = child_link_path(link.parent);
	if (child_link_leads_out(locator, &parent->file))
		child_link_tell(plan->new.name);
	err = vhdx_fork_init(&plan->fork, parent->image, locator,
			     &parent->report);
	vhdx_locator_free(locator);
	return err;
}

static int plan_parent(struct create_plan *plan)
{
	const struct options *options = plan->options;
	int err;

	if (!options->parent_count &&
	    (options->absolute_path || options->volume_path)) {
		msg_err("--%s-path names a parent: give it by --parent as well",
			options->absolute_path ? "absolute" : "volume");
		return -EINVAL;
	}
	if (!options->parent_count)
		return 0;
	err = parent_arg_open(options, &plan->parent);
	plan->new.parent = plan->parent;
	return err ? err : make_fork(plan);
}

/**
 * create_plan() - plan an image
 * @plan: filled in
 * @options: of the command line; they outlive the plan
 * @name: path that the image is to have; it outlives the plan
 *
 * Opens the parent, if the options name one.
 *
 * Return: 0, or a negative errno after a message. create_plan_end() must follow
 * in either case.
 */
int create_plan(struct create_plan *plan, const struct options *options,
		const char *name)
{
	int err;

	*plan = (struct create_plan){
		.new = {
			.path = name,
			.name = name,
			.force = options->force,
			.no_sparse = options->no_sparse,
		},
		.options = options,
	};
	err = plan_parent(plan);
	if (err)
		return err;
	from_options(plan);
	return check_plan(plan);
}

/**
 * create_plan_end() - close the parent
 * @plan: from create_plan()
 */
void create_plan_end(struct create_plan *plan)
{
	vhdx_fork_exit(&plan->fork);
	disk_close(plan->parent);
	free(plan->parent_name);
}
