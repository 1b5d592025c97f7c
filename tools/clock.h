/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clock for measuring intervals.
 *
 * clock.h APIs:
 *   clock_nsecs()	read the clock
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

#include "env.h"

/**
 * clock_nsecs() - read the clock
 *
 * Return: nanoseconds since some moment in the past; they never decrease.
 */
static inline u64 clock_nsecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

#endif /* CLOCK_H */
