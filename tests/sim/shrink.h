/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a run that fails to the little of it that matters.
 *
 * Each attempt is a process of its own, so that one that dies or hangs is a
 * failure like any other.
 *
 * shrink.c APIs:
 *   attempt()		does a plan fail?
 *   shrink()		leave out what a failure does not need
 *   shared_memory()	memory that a child's writes reach us in
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "machine.h"

#define CHANGES_MAX 4096U

/* Longer than any run takes that does end. */
#define RUN_SECONDS 300

/**
 * struct outcome - what became of an attempt
 * @failed: it did fail
 * @op: in this operation
 * @sample: in this crash state, or ALL_SAMPLES
 * @count: changes that could be lost then
 * @change: their numbers
 * @fate: what became of them
 * @text: why
 */
struct outcome {
	bool failed;
	u32 op;
	u32 sample;
	u32 count;
	u32 change[CHANGES_MAX];
	u8 fate[CHANGES_MAX];
	char text[VHDX_SENTENCE_MAX + 64];
};

void *shared_memory(size_t size);
bool attempt(const struct plan *plan, struct outcome *outcome);
void shrink(struct plan *plan, struct outcome *outcome, u32 seconds);

#endif /* SIM_SHRINK_H */
