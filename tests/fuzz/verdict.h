/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the fuzzer fails: with a sentence, then abort().
 *
 *   FUZZ_CHECK()	abort unless a condition holds
 */
#ifndef FUZZ_VERDICT_H
#define FUZZ_VERDICT_H

#include "kernel-shim.h"

#define FUZZ_CHECK(condition, ...)					\
	do {								\
		if (condition)						\
			break;						\
		fprintf(stderr, "%s:%d: invariant broken: ", __FILE__,	\
			__LINE__);					\
		fprintf(stderr, __VA_ARGS__);				\
		fputc('\n', stderr);					\
		abort();						\
	} while (0)

#endif /* FUZZ_VERDICT_H */
