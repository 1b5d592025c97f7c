// SPDX-License-Identifier: GPL-2.0-only
#include "ask.h"
#include "check.h"
#include "extend-image.h"
#include "message.h"
#include "progress.h"
#include "repair.h"

/* The findings say which blocks are lost. */
static int find_cut(struct layer *layer, struct vhdx_cut *cut)
{
	struct vhdx_census census = { 0 };
	struct progress progress;
	int err;

	progress_begin(&progress, "check");
	err = vhdx_check_blocks(layer->image, &census, &progress.engine,
				&layer->report);
	progress_end(&progress);
	*cut = census.cut;
	return err;
}

/* Zeros in a bitmap would say that the parent has the sectors. */
static int refuse_bitmaps(const struct layer *layer, const struct vhdx_cut *cut)
{
	msg_err("%s: cannot be extended: %llu sector bitmap%s lost, and what the image changed there would read as its parent; `vhdxsetup salvage' makes a copy of what is left",
		layer->path, cut->bitmaps,
		cut->bitmaps == 1 ? " is" : "s are");
	return -EUCLEAN;
}

static int ask_for(const struct layer *layer, const struct vhdx_cut *cut,
		   bool yes)
{
	char lost[VHDX_SIZE_TEXT_SIZE];
	char question[512];

	snprintf(question, sizeof(question),
		 "%.300s: extend the file to %llu bytes, so that %s of the disk, which are lost, read as zeros and not as errors",
		 layer->path, cut->end, vhdx_size_text(cut->bytes, lost));
	return ask_yes(question, yes);
}

/**
 * extend_image() - give a file that was cut short its length back
 * @layer: the image, open for writing, its log empty
 * @yes: do not ask
 *
 * Return: 1 if it was extended; 0 if there is nothing to extend, or the answer
 * is no; or a negative errno after a message.
 */
int extend_image(struct layer *layer, bool yes)
{
	struct vhdx_cut cut;
	int r = find_cut(layer, &cut);

	if (r || cut.end <= layer->file.store.size)
		return r;
	if (layer->file.device) {
		msg_err("%s: is a block device, which is as long as it is",
			layer->path);
		return -EOPNOTSUPP;
	}
	if (cut.bitmaps)
		return refuse_bitmaps(layer, &cut);
	r = ask_for(layer, &cut, yes);
	if (r > 0)
		r = vhdx_repair_length(layer->image, cut.end);
	return r;
}
