/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that goes no faster than it may.
 *
 * rate.c APIs:
 *   rate_begin()	start to count
 *   rate_took()	so much is done: wait until it may be
 */
#ifndef RATE_H
#define RATE_H

#include "env.h"

/**
 * struct rate - a limit
 * @limit: bytes a second; 0 for none
 * @began: when it was begun, as clock_nsecs() has it
 * @done: bytes since then
 * @waited: nanoseconds that were waited
 */
struct rate {
	u64 limit;
	u64 began;
	u64 done;
	u64 waited;
};

void rate_begin(struct rate *rate, u64 limit);
void rate_took(struct rate *rate, u64 bytes);

#endif /* RATE_H */
