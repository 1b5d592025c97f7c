// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file store: the time of modification.
 *
 * If a write updated the time itself, it would join a transaction of the file
 * system at each tick of the clock. On ext4 it would then wait for the journal
 * although it must not, and so would all bios that the worker has still to
 * submit. So the file has FMODE_NOCMTIME, and a work item updates the time
 * within a second, since backup programs detect a changed file by its time.
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

	/* Clear this first: a write from now on needs another update. */
	xchg(&file->modified, false);
	file_start_write(file->filp);
	/* Ignore an error here: then the writes fail, too, and report it. */
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
		queue_delayed_work(file->workers->writers, &file->time, HZ);
		return;
	}
	update_time(file);
	vhdx_own_work_end();
}

/**
 * vhdx_file_time_follow() - schedule an update of the file's time
 * @file: the store
 *
 * Does nothing if an update is scheduled already.
 *
 * Context: any.
 */
void vhdx_file_time_follow(struct vhdx_file *file)
{
	if (!xchg(&file->modified, true))
		queue_delayed_work(file->workers->writers, &file->time, HZ);
}

/**
 * vhdx_file_time_init() - initialize the work item
 * @file: the store, with its workers
 *
 * Context: any.
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
