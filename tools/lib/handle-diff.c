// SPDX-License-Identifier: GPL-2.0-only
#include "contrast.h"
#include "handle-walk.h"

/**
 * struct diff - changes on their way to the caller
 * @visitor: receives the pieces of the disk
 * @contrast: with @compares, the new disk and the old one
 * @handle: the handle
 * @visit: receives the changes
 * @context: for @visit
 * @depth: number of images whose blocks are changes; those below are the old
 *	disk
 * @compares: leave out what reads as before
 * @found: run of bytes that the images change, so far
 * @next: the next change to visit
 * @faulty: some blocks are faulty
 */
struct diff {
	struct walk_visitor visitor;
	struct contrast contrast;
	struct vhdx_disk *handle;
	vhdx_visit_t visit;
	void *context;
	u32 depth;
	bool compares;
	struct vhdx_extent found;
	struct vhdx_extent next;
	bool faulty;
};

/* Extend a run. Return false if these bytes do not continue it. */
static bool add(struct vhdx_extent *run, u64 pos, u64 length, unsigned int kind,
		unsigned int state)
{
	if (!run->length)
		*run = (struct vhdx_extent){
			.pos = pos,
			.kind = kind,
			.state = state,
		};
	if (run->kind != kind || run->state != state ||
	    run->pos + run->length != pos)
		return false;
	run->length += length;
	return true;
}

static int visit_next(struct diff *diff)
{
	struct vhdx_extent next = diff->next;

	diff->next.length = 0;
	return next.length ? handle_visit(diff->handle, diff->visit,
					  diff->context, &next) : 0;
}

static int put(struct diff *diff, u64 pos, u64 length)
{
	const struct vhdx_extent *found = &diff->found;
	int err;

	if (add(&diff->next, pos, length, found->kind, found->state))
		return 0;
	err = visit_next(diff);
	if (!err)
		add(&diff->next, pos, length, found->kind, found->state);
	return err;
}

static int put_differing(struct contrast *contrast, u64 pos, u64 length)
{
	return put(container_of(contrast, struct diff, contrast), pos, length);
}

/* The run in @found is complete: compare it, or pass it on. */
static int settle(struct diff *diff)
{
	const struct vhdx_extent *found = &diff->found;
	int err;

	if (!found->length)
		return 0;
	if (diff->compares && found->kind != VHDX_EXTENT_FAULTY)
		err = contrast_walk(&diff->contrast, found->pos, found->length);
	else
		err = put(diff, found->pos, found->length);
	diff->found.length = 0;
	return err;
}

static int take(struct walk_visitor *visitor, const struct piece *piece)
{
	struct diff *diff = container_of(visitor, struct diff, visitor);
	unsigned int state = piece_has_data(piece) ? STATE_DATA : piece->state;
	unsigned int kind = handle_extent_kind(diff->handle, piece);
	int err;

	/* vhdx_chain_piece() sets the layer that decides for zeros, too. */
	if (piece->layer >= diff->depth)
		return 0;
	diff->faulty |= kind == VHDX_EXTENT_FAULTY;
	if (add(&diff->found, piece->pos, piece->length, kind, state))
		return 0;
	err = settle(diff);
	add(&diff->found, piece->pos, piece->length, kind, state);
	return err;
}

static int walk_changes(struct diff *diff)
{
	struct vhdx_disk *handle = diff->handle;
	const struct walk walk = {
		.unit = WALK_SECTORS,
		.length = vhdx_disk_size(handle),
		.progress = &handle->progress,
	};
	int err;

	handle_deafen(handle);
	err = walk_range(handle->disk, &walk, &diff->visitor);
	if (!err)
		err = settle(diff);
	if (!err)
		err = visit_next(diff);
	if (err || !diff->faulty)
		return err;
	return handle_faults(handle, diff->compares ? handle->disk->depth :
						      diff->depth);
}

/* Join the old disk: the ancestor with its own parents. */
static struct vhdx_chain *older_chain(const struct disk *disk, u32 depth)
{
	struct vhdx_image *images[VHDX_CHAIN_MAX];
	u32 i;

	for (i = depth; i < disk->depth; i++)
		images[i - depth] = disk->layer[i]->image;
	/* disk_follow() has joined the whole chain, and reported its faults. */
	return vhdx_chain_new(images, disk->depth - depth,
			      VHDX_CHAIN_IGNORE_ID, &vhdx_report_silent);
}

static struct contrast_side side_of(const struct vhdx_disk *handle,
				    const struct vhdx_chain *chain, u32 layer)
{
	return (struct contrast_side){
		.chain = chain,
		.name = handle->disk->layer[layer]->path,
		.heard = &handle->heard,
	};
}

static int compare_changes(struct diff *diff)
{
	struct vhdx_disk *handle = diff->handle;
	struct disk *disk = handle->disk;
	struct vhdx_chain *older = older_chain(disk, diff->depth);
	int err;

	if (IS_ERR(older))
		return (int)PTR_ERR(older);
	diff->contrast = (struct contrast){
		.side = {
			side_of(handle, disk->chain, 0),
			side_of(handle, older, diff->depth),
		},
		.unit = disk->layer[0]->image->params.logical_sector,
		.total = disk->chain->size,
		.progress = &handle->progress,
		.visit = put_differing,
	};
	err = contrast_begin(&diff->contrast);
	if (!err)
		err = walk_changes(diff);
	contrast_end(&diff->contrast);
	vhdx_chain_free(older);
	return err;
}

static int check_diff(const struct vhdx_disk *handle, u32 since,
		      unsigned int flags)
{
	const struct disk *disk = handle->disk;

	if (flags & ~VHDX_DIFF_COMPARE) {
		msg_err("unknown flags: 0x%x", flags & ~VHDX_DIFF_COMPARE);
		return -EINVAL;
	}
	if (since && since < disk->depth)
		return 0;
	msg_err("%s: has %u images above it, not %u", disk->layer[0]->path,
		disk->depth - 1, since);
	return -EINVAL;
}

/**
 * vhdx_disk_diff() - visit what images change against their parent
 * @handle: the handle, with its parents
 * @since: the ancestor, 1 for the parent
 * @flags: VHDX_DIFF_*
 * @visit: receives the changes
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno: -EUCLEAN if some of it
 * is faulty.
 */
int vhdx_disk_diff(struct vhdx_disk *handle, uint32_t since, unsigned int flags,
		   vhdx_visit_t visit, void *context)
{
	struct diff diff = {
		.visitor.visit = take,
		.handle = handle,
		.visit = visit,
		.context = context,
		.depth = since,
		.compares = flags & VHDX_DIFF_COMPARE,
	};
	int err = handle_begin(handle, HANDLE_WHOLE);

	if (err)
		return err;
	handle->heard = false;
	err = check_diff(handle, since, flags);
	if (!err)
		err = diff.compares ? compare_changes(&diff) :
				      walk_changes(&diff);
	return handle_end(handle, err);
}

/**
 * struct comparison - two disks of the caller's
 * @contrast: reads them
 * @handle: the first one
 * @other: the other one
 * @visit: receives what differs
 * @context: for @visit
 */
struct comparison {
	struct contrast contrast;
	struct vhdx_disk *handle;
	struct vhdx_disk *other;
	vhdx_visit_t visit;
	void *context;
};

static int differs(struct contrast *contrast, u64 pos, u64 length)
{
	struct comparison *comparison =
		container_of(contrast, struct comparison, contrast);
	const struct vhdx_extent extent = {
		.pos = pos,
		.length = length,
		.kind = VHDX_EXTENT_DATA,
		.state = STATE_DATA,
	};
	struct handle_loan loan;
	int r;

	handle_lend(comparison->other, &loan);
	r = handle_visit(comparison->handle, comparison->visit,
			 comparison->context, &extent);
	handle_retake(comparison->other, &loan);
	return r;
}

static int compare(struct comparison *comparison, struct vhdx_disk *handle,
		   struct vhdx_disk *other)
{
	struct contrast *contrast = &comparison->contrast;
	int err;

	handle->heard = false;
	other->heard = false;
	*contrast = (struct contrast){
		.side = {
			side_of(handle, handle->disk->chain, 0),
			side_of(other, other->disk->chain, 0),
		},
		.unit = 1,
		.total = max(handle->disk->chain->size,
			     other->disk->chain->size),
		.progress = &handle->progress,
		.visit = differs,
	};
	err = contrast_begin(contrast);
	if (!err)
		err = contrast_walk(contrast, 0, contrast->total);
	contrast_end(contrast);
	return err;
}

/**
 * vhdx_disk_compare() - visit what reads otherwise on another disk
 * @handle: the handle, with its parents
 * @other: the other one, with its parents; not the same handle
 * @visit: receives what differs
 * @context: for @visit
 *
 * Return: 0, what @visit returned, or a negative errno.
 */
int vhdx_disk_compare(struct vhdx_disk *handle, struct vhdx_disk *other,
		      vhdx_visit_t visit, void *context)
{
	struct comparison comparison = {
		.handle = handle,
		.other = other,
		.visit = visit,
		.context = context,
	};
	int err = handle_begin(other, HANDLE_WHOLE);

	if (err)
		return err;
	/* The inner one: it hears the messages. */
	err = handle_begin(handle, HANDLE_WHOLE);
	if (!err)
		err = handle_end(handle, compare(&comparison, handle, other));
	handle_end(other, 0);
	return err;
}
