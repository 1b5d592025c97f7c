// SPDX-License-Identifier: GPL-2.0-only
#include "clock.h"
#include "rate.h"

#define NSECS	1000000000ULL

/* What was not used for so long, while the store was slow, is not made up for. */
#define SLACK	(NSECS / 4)

/**
 * rate_begin() - start to count
 * @rate: filled in
 * @limit: bytes a second; 0 for none
 */
void rate_begin(struct rate *rate, u64 limit)
{
	*rate = (struct rate){ .limit = limit, .began = clock_nsecs() };
}

static u64 nsecs_for(const struct rate *rate, u64 bytes)
{
	u64 seconds = bytes / rate->limit;
	double rest = (double)(bytes % rate->limit) / (double)rate->limit;

	return seconds * NSECS + (u64)(rest * (double)NSECS);
}

/**
 * rate_took() - so much is done: wait until it may be
 * @rate: the limit
 * @bytes: since the last call
 *
 * A signal ends the wait.
 */
void rate_took(struct rate *rate, u64 bytes)
{
	struct timespec pause;
	u64 now, due;

	if (!rate->limit)
		return;
	now = clock_nsecs();
	rate->done += bytes;
	due = rate->began + nsecs_for(rate, rate->done);
	if (due + SLACK < now) {
		rate->began = now;
		rate->done = 0;
	}
	if (due <= now)
		return;
	pause.tv_sec = (time_t)((due - now) / NSECS);
	pause.tv_nsec = (long)((due - now) % NSECS);
	(void)nanosleep(&pause, NULL);
	rate->waited += clock_nsecs() - now;
}
