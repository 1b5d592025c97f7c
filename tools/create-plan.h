/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new image as the options of the command line want it.
 *
 * create-plan.c APIs:
 *   create_plan()	plan it, and open its parent
 *   create_plan_end()	close the parent
 */
#ifndef CREATE_PLAN_H
#define CREATE_PLAN_H

#include "fork.h"
#include "make-image.h"
#include "vhdxsetup.h"

/**
 * struct create_plan - the image to make, and its sources
 * @new: the image
 * @options: of the command line
 * @parent: the parent and its ancestors, open; NULL for an image without one
 * @parent_name: how the child names the parent, as an absolute path
 * @fork: what the child takes from the parent
 */
struct create_plan {
	struct new_image new;
	const struct options *options;
	struct disk *parent;
	char *parent_name;
	struct vhdx_fork fork;
};

int create_plan(struct create_plan *plan, const struct options *options,
		const char *name);
void create_plan_end(struct create_plan *plan);

#endif /* CREATE_PLAN_H */
