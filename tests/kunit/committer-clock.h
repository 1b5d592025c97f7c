/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The committer's clock, put off: what is committed then was asked for.
 * In the kernel alone.
 *
 * committer-clock.h APIs:
 *   committer_clock_put_off()	have no commit by the clock
 *   committer_clock_await()	wait until all is committed
 */
#ifndef VHDX_TEST_COMMITTER_CLOCK_H
#define VHDX_TEST_COMMITTER_CLOCK_H

#include <linux/delay.h>
#include <linux/jiffies.h>

#include "commit.h"

/* What is not done by then never will be. */
#define COMMITTER_CLOCK_MS 120000

/**
 * committer_clock_put_off() - have no commit by the clock
 * @c: the committer, whose session has changed
 *
 * The clock is set by the committer's thread, so this waits for that.
 *
 * Return: true; false if the clock came first, as on a slow machine, and
 * nothing is left to commit.
 */
static inline bool committer_clock_put_off(struct vhdx_committer *c)
{
	bool due = false;

	while (!due && vhdx_session_changed(c->session)) {
		mutex_lock(&c->lock);
		due = c->due == VHDX_DUE_COMMIT &&
		      vhdx_session_changed(c->session);
		if (due)
			WRITE_ONCE(c->when, jiffies + 3600 * HZ);
		mutex_unlock(&c->lock);
		usleep_range(1000, 2000);
	}
	return due;
}

/**
 * committer_clock_await() - wait until all is committed
 * @c: the committer
 *
 * Return: true, unless something hangs.
 */
static inline bool committer_clock_await(struct vhdx_committer *c)
{
	unsigned int ms;

	for (ms = 0; ms < COMMITTER_CLOCK_MS; ms += 20) {
		if (!vhdx_session_changed(c->session))
			return true;
		msleep(20);
	}
	return false;
}

#endif /* VHDX_TEST_COMMITTER_CLOCK_H */
