// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/notifier.h>
#include <linux/suspend.h>
#include <linux/wait.h>

#include "hibernate.h"

static bool resting;
/* Number of works of our own that are under way. */
static atomic_t working;
static DECLARE_WAIT_QUEUE_HEAD(rested);

/**
 * vhdx_own_work_begin() - begin work that no user has asked for
 *
 * Context: process context.
 * Return: true if the work may begin; the caller ends it with
 * vhdx_own_work_end(). False during hibernation. Nothing announces its end, so
 * the caller tries again after a second.
 */
bool vhdx_own_work_begin(void)
{
	atomic_inc(&working);
	/* Pairs with the barrier in vhdx_hibernate_event(). */
	smp_mb__after_atomic();
	if (likely(!READ_ONCE(resting)))
		return true;
	vhdx_own_work_end();
	return false;
}

/**
 * vhdx_own_work_end() - end work that vhdx_own_work_begin() began
 *
 * Context: process context.
 */
void vhdx_own_work_end(void)
{
	if (atomic_dec_and_test(&working) && unlikely(READ_ONCE(resting)))
		wake_up(&rested);
}

/**
 * vhdx_own_work_rests() - test whether work of our own must wait
 *
 * Context: any; a hint.
 * Return: true during hibernation.
 */
bool vhdx_own_work_rests(void)
{
	return READ_ONCE(resting);
}

/**
 * vhdx_hibernate_event() - handle the start or the end of hibernation
 * @event: PM_*, see register_pm_notifier()
 *
 * At the start nothing is frozen yet, so work under way can end.
 *
 * Context: may sleep; waits for work that is under way.
 */
void vhdx_hibernate_event(unsigned long event)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		WRITE_ONCE(resting, true);
		/* Pairs with the barrier in vhdx_own_work_begin(). */
		smp_mb();
		wait_event(rested, !atomic_read(&working));
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(resting, false);
		break;
	}
}

static int pm_notify(struct notifier_block *block, unsigned long event,
		     void *data)
{
	vhdx_hibernate_event(event);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = pm_notify };

/**
 * vhdx_hibernate_init() - register for events of hibernation
 *
 * Return: 0 or a negative errno.
 */
int vhdx_hibernate_init(void)
{
	return register_pm_notifier(&notifier);
}

/**
 * vhdx_hibernate_exit() - unregister
 */
void vhdx_hibernate_exit(void)
{
	unregister_pm_notifier(&notifier);
}
