/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long something takes.
 *
 * clock.h APIs:
 *   clock_nsecs()	the time since some moment in the past
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

#include "env.h"

/**
 * clock_nsecs() - the time since some moment in the past
 *
 * Return: nanoseconds; they never go back.
 */
static inline u64 clock_nsecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

#endif /* CLOCK_H */
