// SPDX-License-Identifier: GPL-2.0-only
/* create: make a new image, or leave nothing behind. */
#include "child-link.h"
#include "message.h"
#include "new-image.h"
#include "parent-arg.h"
#include "put-disk.h"
#include "tree.h"
#include "vhdxsetup.h"
#include "windows-path.h"

/**
 * struct plan - the image to make, and its sources
 * @new: the image
 * @options: of the command line
 * @parent: the parent and its ancestors, open; NULL for an image without one
 * @fork: what the child takes from the parent
 */
struct plan {
	struct new_image new;
	const struct options *options;
	struct disk *parent;
	struct vhdx_fork fork;
};

/*
 * Clamp a size to 32 bits: vhdx_layout_fault() refuses the largest value for
 * each of these sizes.
 */
static u32 or_default(u64 size, u32 usual)
{
	return size ? (u32)min_t(u64, size, U32_MAX) : usual;
}

/* Name the option whose value is at fault. */
static int refuse_option(const struct plan *plan, const void *member,
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

static void from_options(struct plan *plan)
{
	const struct options *options = plan->options;
	bool full = options->fixed || options->preallocate;
	const struct vhdx_params usual = {
		.logical_sector = VHDX_CREATE_LOGICAL_SECTOR,
		.physical_sector = VHDX_CREATE_PHYSICAL_SECTOR,
	};
	const struct vhdx_params *from = plan->parent ? &plan->fork.params :
							&usual;

	plan->new.create = (struct vhdx_create){
		.size = options->size ? options->size : from->size,
		.block_size = or_default(options->block_size, full ?
					 VHDX_CREATE_BLOCK_SIZE_FULL :
					 VHDX_CREATE_BLOCK_SIZE),
		.logical_sector = or_default(options->sector_size,
					     from->logical_sector),
		.physical_sector = or_default(options->physical_sector_size,
					      from->physical_sector),
		.log_length = or_default(options->log_size,
					 VHDX_CREATE_LOG_LENGTH),
		.allocated = full,
		.fixed = options->fixed,
		.fork = plan->parent ? &plan->fork : NULL,
	};
}

static int refuse_smaller(const struct plan *plan)
{
	char size[32], parent[32];

	msg_err("--size %s: the disk of the parent has %s, and a smaller child would cut it",
		tree_size_words(plan->options->size, size, sizeof(size)),
		tree_size_words(plan->fork.params.size, parent,
				sizeof(parent)));
	return -EINVAL;
}

static int check_plan(const struct plan *plan)
{
	const struct vhdx_create *create = &plan->new.create;
	const void *member;
	const char *fault;

	if (!plan->parent && !plan->options->size) {
		msg_err("%s: --size is required, or --parent",
			plan->new.path);
		return -EINVAL;
	}
	fault = vhdx_layout_fault(create, &member);
	if (fault)
		return refuse_option(plan, member, fault);
	if (plan->parent && create->size < plan->fork.params.size)
		return refuse_smaller(plan);
	return 0;
}

static int make_fork(struct plan *plan)
{
	struct layer *parent = plan->parent->layer[0];
	const struct child_link link = {
		.child = plan->new.path,
		.parent = parent->path,
		.absolute = plan->options->absolute_path,
		.volume = plan->options->volume_path,
	};
	struct vhdx_locator *locator;
	int err;

	err = child_link_locator(&link, vhdx_image_identity(parent->image),
				 &locator);
	if (err)
		return err;
	if (windows_path_leads_out(locator->relative_path))
		msg_info("%s: its parent lies outside of its directory: to open it needs --parents-anywhere, or --parent",
			 plan->new.path);
	err = vhdx_fork_init(&plan->fork, parent->image, locator,
			     &parent->report);
	vhdx_locator_free(locator);
	return err;
}

static int plan_parent(struct plan *plan)
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

static void announce(const struct plan *plan)
{
	const struct vhdx_create *create = &plan->new.create;
	char size[32], block[32];

	msg_info("%s: a %s disk of %s in blocks of %s%s%s", plan->new.path,
		 plan->parent ? "differencing" :
		 create->fixed ? "fixed" : "dynamic",
		 tree_size_words(create->size, size, sizeof(size)),
		 tree_size_words(create->block_size, block, sizeof(block)),
		 plan->parent ? ", on " : "",
		 plan->parent ? plan->parent->layer[0]->path : "");
}

/**
 * cmd_create() - the verb `create`
 * @options: of the command line
 * @args: the file or block device
 *
 * Return: 0 or a negative errno.
 */
int cmd_create(const struct options *options, char **args)
{
	struct plan plan = {
		.new = {
			.path = args[0],
			.force = options->force,
			.no_sparse = options->no_sparse,
		},
		.options = options,
	};
	int err;

	err = plan_parent(&plan);
	if (!err) {
		from_options(&plan);
		err = check_plan(&plan);
	}
	if (!err)
		err = new_image_make(&plan.new);
	if (!err)
		announce(&plan);
	vhdx_fork_exit(&plan.fork);
	disk_close(plan.parent);
	return !err && options->json ? put_disk(options, args[0]) : err;
}
