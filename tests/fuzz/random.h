/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choices that follow from a seed alone, so that an input always runs alike.
 *
 *   random_next()	64 bits
 *   random_below()	a number below a bound
 *   random_once_in()	true once in so many times
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include "kernel-shim.h"

struct random {
	u64 state;
};

/* The finaliser of SplitMix64 over a counter: any seed will do. */
static inline u64 random_next(struct random *random)
{
	u64 z = random->state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

/* 0 below a bound of 0, too. */
static inline u64 random_below(struct random *random, u64 bound)
{
	u64 value = random_next(random);

	return bound ? value % bound : 0;
}

static inline bool random_once_in(struct random *random, u32 times)
{
	return !random_below(random, times);
}

#endif /* FUZZ_RANDOM_H */
