/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scope of a task that does I/O which memory reclaim may depend on.
 *
 * scope.h APIs:
 *   vhdx_scope_enter()		begin such a scope
 *   vhdx_scope_leave()		end it
 *   VHDX_RETRY_MS		pause before a retry after -ENOMEM
 *   VHDX_ROOM_RETRY_MS		pause before a retry after -ENOSPC
 */
#ifndef VHDX_SCOPE_H
#define VHDX_SCOPE_H

#include <linux/sched.h>
#include <linux/sched/mm.h>

/*
 * I/O in a scope never fails with -ENOMEM, since reclaim may depend on it. It
 * is retried after this many milliseconds.
 */
#define VHDX_RETRY_MS	20

/* The same after -ENOSPC, which a file system takes longer to find out. */
#define VHDX_ROOM_RETRY_MS	1000

/**
 * struct vhdx_scope - task flags to restore
 * @noio: for memalloc_noio_restore()
 * @throttle: PF_LOCAL_THROTTLE if it was set before, otherwise 0
 */
struct vhdx_scope {
	unsigned int noio;
	unsigned int throttle;
};

/**
 * vhdx_scope_enter() - begin a scope for I/O that reclaim may depend on
 *
 * In the scope, no allocation waits for I/O, which may be ours. A task that
 * writes pages back for others sets PF_LOCAL_THROTTLE, so that only the pages
 * it dirties in its own backing device throttle it. Otherwise it would wait for
 * the tasks whose pages it has to write.
 *
 * Context: process context.
 * Return: the value for vhdx_scope_leave(), in the same task.
 */
static inline struct vhdx_scope vhdx_scope_enter(void)
{
	struct vhdx_scope scope = {
		.noio = memalloc_noio_save(),
		.throttle = current->flags & PF_LOCAL_THROTTLE,
	};

	current->flags |= PF_LOCAL_THROTTLE;
	return scope;
}

/**
 * vhdx_scope_leave() - end a scope
 * @scope: value that vhdx_scope_enter() returned to this task
 *
 * Context: process context.
 */
static inline void vhdx_scope_leave(struct vhdx_scope scope)
{
	if (!scope.throttle)
		current->flags &= ~PF_LOCAL_THROTTLE;
	memalloc_noio_restore(scope.noio);
}

#endif /* VHDX_SCOPE_H */
