// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flattening turns changes in the order of the log, of which a later one wins,
 * into sorted ranges that do not overlap.
 *
 * A sweep visits the places where changes begin and end. A heap holds the
 * changes that cover the current place, the latest on top. The sweep removes a
 * change that has ended when it comes to the top. n changes take n * log(n)
 * steps, however they overlap.
 */
#include "replay.h"

/**
 * struct sweep - a flattening under way
 * @in: the changes, in the order of the log
 * @count: number of changes
 * @by_target: indices of the changes, sorted by target
 * @next: first of @by_target that has not begun
 * @heap: indices of changes that have begun, the latest on top
 * @heaped: number of changes in @heap
 * @out: receives the ranges; NULL to count them only
 * @made: number of ranges
 * @last: the newest range; zeros that follow extend it
 */
struct sweep {
	const struct vhdx_patch *in;
	u32 count;
	u32 *by_target;
	u32 next;
	u32 *heap;
	u32 heaped;
	struct vhdx_patch *out;
	u32 made;
	struct vhdx_patch last;
};

static u64 end_of(const struct vhdx_patch *patch)
{
	return patch->target + patch->length;
}

static int compare_target(const void *a, const void *b, const void *priv)
{
	const struct sweep *sweep = priv;
	u64 one = sweep->in[*(const u32 *)a].target;
	u64 other = sweep->in[*(const u32 *)b].target;

	if (one == other)
		return 0;
	return one < other ? -1 : 1;
}

static void sort_by_target(struct sweep *sweep)
{
	u32 i;

	for (i = 0; i < sweep->count; i++)
		sweep->by_target[i] = i;
	sort_r(sweep->by_target, sweep->count, sizeof(*sweep->by_target),
	       compare_target, NULL, sweep);
}

static void heap_add(struct sweep *sweep, u32 number)
{
	u32 at = sweep->heaped++;

	while (at && sweep->heap[(at - 1) / 2] < number) {
		sweep->heap[at] = sweep->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	sweep->heap[at] = number;
}

static void heap_drop(struct sweep *sweep)
{
	u32 number = sweep->heap[--sweep->heaped];
	u32 at = 0;

	for (;;) {
		u32 child = 2 * at + 1;

		if (child >= sweep->heaped)
			break;
		if (child + 1 < sweep->heaped &&
		    sweep->heap[child + 1] > sweep->heap[child])
			child++;
		if (sweep->heap[child] <= number)
			break;
		sweep->heap[at] = sweep->heap[child];
		at = child;
	}
	sweep->heap[at] = number;
}

/* Store the newest range: nothing extends it any more. */
static void keep_range(struct sweep *sweep)
{
	if (!sweep->last.length)
		return;
	if (sweep->out)
		sweep->out[sweep->made] = sweep->last;
	sweep->made++;
	sweep->last.length = 0;
}

/*
 * Add the part of a change from @start to @end. All changes are of whole pages,
 * so a page of data is never cut.
 */
static void make_range(struct sweep *sweep, const struct vhdx_patch *patch,
		       u64 start, u64 end)
{
	struct vhdx_patch *last = &sweep->last;

	if (last->length && !last->source && !patch->source &&
	    end_of(last) == start) {
		last->length += end - start;
		return;
	}
	keep_range(sweep);
	*last = *patch;
	last->target = start;
	last->length = end - start;
}

/* Add the changes that begin at @pos, and remove those that have ended. */
static void advance_sweep(struct sweep *sweep, u64 pos)
{
	while (sweep->next < sweep->count &&
	       sweep->in[sweep->by_target[sweep->next]].target <= pos)
		heap_add(sweep, sweep->by_target[sweep->next++]);
	while (sweep->heaped && end_of(&sweep->in[sweep->heap[0]]) <= pos)
		heap_drop(sweep);
}

static void run_sweep(struct sweep *sweep)
{
	u64 pos = 0;

	sweep->next = 0;
	sweep->heaped = 0;
	sweep->made = 0;
	sweep->last.length = 0;
	for (;;) {
		const struct vhdx_patch *top;
		u64 end, begin = U64_MAX;

		advance_sweep(sweep, pos);
		if (sweep->next < sweep->count)
			begin = sweep->in[sweep->by_target[sweep->next]].target;
		if (sweep->heaped) {
			top = &sweep->in[sweep->heap[0]];
			end = min(end_of(top), begin);
			make_range(sweep, top, pos, end);
			pos = end;
		} else if (begin != U64_MAX) {
			pos = begin;
		} else {
			break;
		}
		cond_resched();
	}
	keep_range(sweep);
}

static int flatten_sweep(struct sweep *sweep)
{
	sort_by_target(sweep);
	run_sweep(sweep);
	sweep->out = kvcalloc(sweep->made + 1, sizeof(*sweep->out),
			      GFP_KERNEL_ACCOUNT);
	if (!sweep->out)
		return -ENOMEM;
	run_sweep(sweep);
	return 0;
}

/**
 * vhdx_flatten() - sort patches, and keep the latest one for each byte
 * @patches: array in the order of the log, of whole pages; replaced on success
 * @count: number of patches, before and after
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vhdx_flatten(struct vhdx_patch **patches, u32 *count)
{
	struct sweep sweep = { .in = *patches, .count = *count };
	int r = -ENOMEM;

	sweep.by_target = kvmalloc_array(*count + 1, sizeof(u32),
					 GFP_KERNEL_ACCOUNT);
	sweep.heap = kvmalloc_array(*count + 1, sizeof(u32),
				    GFP_KERNEL_ACCOUNT);
	if (sweep.by_target && sweep.heap)
		r = flatten_sweep(&sweep);
	kvfree(sweep.by_target);
	kvfree(sweep.heap);
	if (r)
		return r;
	kvfree(*patches);
	*patches = sweep.out;
	*count = sweep.made;
	return 0;
}
