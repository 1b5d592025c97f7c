/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task must tell the kernel while it does I/O that the memory of the
 * machine may be waiting for.
 *
 * scope.h APIs:
 *   vhdx_scope_enter()		before such I/O
 *   vhdx_scope_leave()		after it
 *   VHDX_RETRY_MS		how long to wait for memory
 *   VHDX_ROOM_RETRY_MS		how long to wait for room
 */
#ifndef VHDX_SCOPE_H
#define VHDX_SCOPE_H

#include <linux/sched.h>
#include <linux/sched/mm.h>

/*
 * Such I/O never fails for lack of memory: reclaim may be waiting for it. It is
 * tried again after so many milliseconds.
 */
#define VHDX_RETRY_MS	20

/* The same for room in a file system, which takes longer to look for. */
#define VHDX_ROOM_RETRY_MS	1000

/**
 * struct vhdx_scope - what the task's flags were
 * @noio: for memalloc_noio_restore()
 * @throttle: PF_LOCAL_THROTTLE, if it was set
 */
struct vhdx_scope {
	unsigned int noio;
	unsigned int throttle;
};

/**
 * vhdx_scope_enter() - begin such I/O
 *
 * No allocation may wait for I/O, which may be ours. And whoever writes pages
 * back for others is throttled by what it dirties in its own device alone, or
 * it would wait for those whose pages it is to write.
 *
 * Return: for vhdx_scope_leave(), by the same task.
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
 * vhdx_scope_leave() - end it
 * @scope: as vhdx_scope_enter() returned it to this task
 */
static inline void vhdx_scope_leave(struct vhdx_scope scope)
{
	if (!scope.throttle)
		current->flags &= ~PF_LOCAL_THROTTLE;
	memalloc_noio_restore(scope.noio);
}

#endif /* VHDX_SCOPE_H */
