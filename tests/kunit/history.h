/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done to the first file of a writer, operation by operation, and what a
 * crash may have left of it.
 *
 * An epoch is what lies between two flushes. Of an epoch that has not ended, a
 * disk may have kept anything.
 *
 * history.c APIs:
 *   history_new()	make an empty history
 *   history_record()	listen from now on
 *   history_stop()	no more
 *   history_crash()	look at what every crash may have left
 *   history_free()
 */
#ifndef VHDX_TEST_HISTORY_H
#define VHDX_TEST_HISTORY_H

#include "writer.h"

#define HISTORY_STATES 128U

/**
 * struct history - what was done to the store, state by state
 * @test: the test
 * @check: looks at the third file, which holds what a crash has left; the epoch
 *	began behind operation @at
 * @context: for @check
 * @state: the store before each operation, and in the end
 * @op: the operation
 * @pos: its place
 * @count: number of operations
 */
struct history {
	struct kunit *test;
	void (*check)(struct history *history, u32 at);
	void *context;
	struct ram_store *state;
	enum ram_op op[HISTORY_STATES];
	u64 pos[HISTORY_STATES];
	u32 count;
};

struct history *history_new(struct kunit *test,
			    void (*check)(struct history *history, u32 at),
			    void *context);
void history_record(struct history *history);
void history_stop(struct history *history);
u32 history_crash(struct history *history);
void history_free(struct history *history);

#endif /* VHDX_TEST_HISTORY_H */
