// SPDX-License-Identifier: GPL-2.0-only
#include "contrast.h"
#include "merge-copy.h"
#include "merge-done.h"
#include "message.h"
#include "progress.h"

/* Looked up at once. */
#define WINDOW	(64 * VHDX_MIB)

/**
 * struct comparison - a child, and its parent without it
 * @contrast: reads both
 * @disk: the child and its parents
 * @begun: a merge was begun: what the child has may be in the parent
 * @differs: something was found that the parent lacks
 */
struct comparison {
	struct contrast contrast;
	const struct disk *disk;
	bool begun;
	bool differs;
};

static int stop(struct contrast *contrast, u64 pos, u64 length)
{
	struct comparison *comparison =
		container_of(contrast, struct comparison, contrast);

	(void)pos;
	(void)length;
	comparison->differs = true;
	return 1;
}

/* Returns 1 as soon as something differs. */
static int compare_own(struct comparison *comparison)
{
	u64 size = comparison->disk->chain->size;
	struct vhdx_run run;
	u64 pos;
	int r = 0;

	for (pos = 0; pos < size && !r; pos += run.length) {
		r = merge_look_up(comparison->disk, pos,
				  min(size - pos, WINDOW), &run);
		if (r || run.layer)
			continue;
		r = comparison->begun ?
			    contrast_walk(&comparison->contrast, pos,
					  run.length) :
			    stop(&comparison->contrast, pos, run.length);
	}
	return r;
}

static int compare(struct comparison *comparison)
{
	const struct vhdx_chain *parent = comparison->contrast.side[1].chain;
	u64 size = comparison->disk->chain->size;
	int r = contrast_begin(&comparison->contrast);

	if (!r)
		r = compare_own(comparison);
	/* What lies past the child's end is zeros to those above it. */
	if (!r && parent->size > size)
		r = contrast_walk(&comparison->contrast, size,
				  parent->size - size);
	contrast_end(&comparison->contrast);
	return r;
}

/* The child names the identity that a merge has given its parent, or was to. */
static bool was_begun(const struct disk *disk)
{
	return !guid_is_null(&disk->layer[0]->image->locator->linkage2);
}

/**
 * merge_done() - does the parent have all that the child has?
 * @disk: the child and its parents
 * @middle: children of the child go on over the parent, which may be larger
 * @done: set
 *
 * That is so if the child holds nothing, or if a merge was stopped after the
 * last write to the parent. The latter is found by reading both, but only if a
 * merge was begun. Children of the merged image may lie over the parent
 * already, so the parent must not change again.
 *
 * Return: 0 or a negative errno after a message: -EINTR after a signal.
 */
int merge_done(const struct disk *disk, bool middle, bool *done)
{
	static const bool unheard;
	u64 size = disk->layer[1]->image->params.size;
	struct layer *child = disk->layer[0];
	struct vhdx_image *below[VHDX_CHAIN_MAX];
	struct comparison comparison = {
		.disk = disk,
		.begun = was_begun(disk),
	};
	struct progress progress;
	struct vhdx_chain *parent;
	u32 i;
	int r;

	*done = false;
	if (disk->chain->size > size || (!middle && disk->chain->size < size))
		return 0;
	for (i = 1; i < disk->depth; i++)
		below[i - 1] = disk->layer[i]->image;
	parent = vhdx_chain_new(below, disk->depth - 1, VHDX_CHAIN_IGNORE_ID,
				&vhdx_report_silent);
	if (IS_ERR(parent))
		return (int)PTR_ERR(parent);
	comparison.contrast = (struct contrast){
		.side = {
			{ .chain = disk->chain, .name = child->path,
			  .heard = &unheard },
			{ .chain = parent, .name = disk->layer[1]->path,
			  .heard = &unheard },
		},
		.unit = child->image->params.logical_sector,
		.total = size,
		.progress = &progress.engine,
		.visit = stop,
	};
	progress_begin(&progress, "looking for what was merged");
	r = compare(&comparison);
	progress_end(&progress);
	vhdx_chain_free(parent);
	*done = !r;
	return comparison.differs ? 0 : r;
}
