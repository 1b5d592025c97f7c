// SPDX-License-Identifier: GPL-2.0-only
#include <unistd.h>

#include "dmdev.h"
#include "kmsg.h"
#include "merge-live.h"
#include "message.h"
#include "place.h"

static int ask(const struct merge_live *live, const char *what, u32 nr)
{
	char text[32], answer[8];

	snprintf(text, sizeof(text), "%s %u", what, nr);
	return dmdev_message(live->name, text, answer, sizeof(answer));
}

/**
 * merge_lend() - have the kernel lend an image
 * @live: the merge
 * @nr: index of the image, which is not the device's first
 *
 * From now on the kernel keeps everybody else away from it, and this program may
 * write what a child of it covers.
 *
 * Return: 0, or a negative errno after a message: -EBUSY if somebody else uses it.
 */
int merge_lend(const struct merge_live *live, u32 nr)
{
	const char *path = merge_plan_name(&live->plan, nr);
	int err = ask(live, "lend", nr);

	if (err == -EBUSY)
		msg_err("%s: is in use by another device too, so nothing can be merged into it; close that one first",
			path);
	else if (err == -EAGAIN)
		msg_err("%s: is in use by another program too, so nothing can be merged into it; close it there first",
			path);
	else if (err)
		msg_err("%s: the kernel does not lend it: %s", path,
			strerror(-err));
	return err == -EAGAIN ? -EBUSY : err;
}

/**
 * merge_recall() - have the kernel take an image back
 * @live: the merge
 * @nr: index of the image, as for merge_lend(); we have it open no more
 */
void merge_recall(const struct merge_live *live, u32 nr)
{
	int err = ask(live, "recall", nr);

	if (err)
		msg_warn("%s: can still be opened for writing, although %s reads it: %s",
			 merge_plan_name(&live->plan, nr), live->name,
			 strerror(-err));
}

/**
 * merge_open() - open images that a device has
 * @plan: the chain
 * @nr: index of the first image
 * @writable: how many are to be written, which the kernel lends; others are only
 *	read, as the device does
 * @sink: hears the findings
 * @opened: the images from @nr on, for disk_close()
 *
 * Return: as disk_open() and disk_follow().
 */
int merge_open(const struct merge_plan *plan, u32 nr, u32 writable,
	       struct disk_sink *sink, struct disk **opened)
{
	const struct disk_options options = {
		.sink = sink,
		.parents = (const char *const *)plan->path + nr + 1,
		.parent_count = plan->depth - nr - 1,
		.writable = writable,
		.lent = true,
	};
	int place, err = place_find(plan->path[nr], &place);

	if (err)
		return err;
	err = disk_open(place, plan->path[nr], &options, opened);
	close(place);
	if (err)
		return err;
	err = disk_follow(*opened);
	if (err) {
		disk_close(*opened);
		*opened = NULL;
	}
	return err;
}
