// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "../compat.h"
#include "file-workers.h"

/*
 * How many reads, and how many writes, of a table may wait at the same time.
 * Each occupies a thread; without a limit, a burst of writes to new blocks
 * would occupy hundreds.
 */
#define WAITERS_MAX	64

static struct workqueue_struct *alloc_waiters(const char *name)
{
	return alloc_workqueue(name, WQ_MEM_RECLAIM | WQ_UNBOUND, WAITERS_MAX);
}

static void destroy(struct workqueue_struct *queue)
{
	if (queue)
		destroy_workqueue(queue);
}

static void workers_free(struct vhdx_file_workers *workers)
{
	destroy(workers->near);
	destroy(workers->far);
	destroy(workers->readers);
	destroy(workers->writers);
	destroy(workers->flushers);
	kfree(workers);
}

static struct vhdx_file_workers *workers_new(void)
{
	struct vhdx_file_workers *workers = kzalloc(sizeof(*workers),
						    GFP_KERNEL);

	if (!workers)
		return NULL;
	refcount_set(&workers->users, 1);
	workers->near = alloc_workqueue("vhdx_near",
					WQ_MEM_RECLAIM | VHDX_WQ_PERCPU, 0);
	workers->far = alloc_workqueue("vhdx_far",
				       WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	workers->readers = alloc_waiters("vhdx_read");
	if (workers->near && workers->far && workers->readers)
		return workers;
	workers_free(workers);
	return NULL;
}

/* What there is already stays, also after a failure. */
static bool add_writers(struct vhdx_file_workers *workers)
{
	if (!workers->writers)
		workers->writers = alloc_waiters("vhdx_write");
	if (!workers->flushers)
		workers->flushers = alloc_waiters("vhdx_flush");
	return workers->writers && workers->flushers;
}

/**
 * vhdx_file_workers_get() - hold a table's workqueues; the first call makes them
 * @shared: of the table under construction; NULL before the first call, which
 *	takes a reference for the table, too
 * @write: the caller's file is open for writing
 *
 * Context: a constructor.
 * Return: the workqueues, to be given back by vhdx_file_workers_put(); or NULL if
 * there is no memory.
 */
struct vhdx_file_workers *
vhdx_file_workers_get(struct vhdx_file_workers **shared, bool write)
{
	struct vhdx_file_workers *workers;

	if (!*shared)
		*shared = workers_new();
	workers = *shared;
	if (!workers)
		return NULL;
	if (write && !add_writers(workers))
		return NULL;
	refcount_inc(&workers->users);
	return workers;
}

/**
 * vhdx_file_workers_put() - let go of them; the last call destroys them
 * @workers: the workqueues, with no item of the caller's; or NULL
 *
 * Context: process context; sleeps.
 */
void vhdx_file_workers_put(struct vhdx_file_workers *workers)
{
	if (workers && refcount_dec_and_test(&workers->users))
		workers_free(workers);
}
