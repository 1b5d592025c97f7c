// SPDX-License-Identifier: GPL-2.0-only
/*
 * An image in a file: when it was modified.
 *
 * A write that updated the time itself would be in a transaction of the file
 * system, at each tick of the clock, though it must not wait: ext4 does wait for
 * its journal then, and with that write all that the worker has still to submit.
 * So the file is open without that duty (FMODE_NOCMTIME), and a work item sees to
 * it within a second: backups tell a changed file by its time.
 */
#include <linux/fs.h>
#include <linux/workqueue.h>

#include "../hibernate.h"
#include "../scope.h"
#include "file.h"

static void update_time(struct vhdx_file *file)
{
	struct vhdx_scope scope = vhdx_scope_enter();
	const struct cred *cred = vhdx_file_assume(file);

	/* First: what is written from now on wants a time of its own. */
	xchg(&file->modified, false);
	file_start_write(file->filp);
	/* If it fails, so do the writes that matter. */
	file_update_time(file->filp);
	file_end_write(file->filp);
	revert_creds(cred);
	vhdx_scope_leave(scope);
}

static void time_work(struct work_struct *work)
{
	struct vhdx_file *file = container_of(to_delayed_work(work),
					      struct vhdx_file, time);

	if (!vhdx_own_work_begin()) {
		queue_delayed_work(file->writers, &file->time, HZ);
		return;
	}
	update_time(file);
	vhdx_own_work_end();
}

/**
 * vhdx_file_time_follow() - have the time updated, if nobody else does
 * @file: the store
 *
 * Context: any.
 */
void vhdx_file_time_follow(struct vhdx_file *file)
{
	if (!xchg(&file->modified, true))
		queue_delayed_work(file->writers, &file->time, HZ);
}

/**
 * vhdx_file_time_init() - be ready for changes
 * @file: the store, with its workers
 */
void vhdx_file_time_init(struct vhdx_file *file)
{
	INIT_DELAYED_WORK(&file->time, time_work);
}

/**
 * vhdx_file_time_exit() - update the time now, if it is due
 * @file: the store, started or not, with no I/O under way
 *
 * Context: may sleep.
 */
void vhdx_file_time_exit(struct vhdx_file *file)
{
	if (!file->modified)
		return;
	cancel_delayed_work_sync(&file->time);
	if (file->modified)
		update_time(file);
}
