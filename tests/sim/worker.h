/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The space worker of a run.
 *
 * It goes on beside the committer and everyone else, so it has a stack of its
 * own: each operation that it asks of the store stops it, and the rest of the
 * run goes on until something resumes it. A discard may be under way while the
 * committer makes several commits, and begin in the middle of one.
 *
 * worker.c APIs:
 *   worker_init()	nothing to do yet
 *   worker_exit()
 *   worker_step()	go on up to the next operation of the store
 *   worker_finish()	go on up to the end of the pass that is under way
 *   worker_rest()	go on until there is nothing left to do
 *   worker_drop()	the session goes, whatever the worker is doing
 *   worker_settled()	has all I/O ended that began in time?
 *   worker_pause()	an operation of the worker's is under way
 */
#ifndef SIM_WORKER_H
#define SIM_WORKER_H

#include <ucontext.h>

#include "env.h"

struct machine;

/* How far the space that was freed last is. */
enum worker_drain {
	DRAIN_NOTHING,
	DRAIN_WAITS,	/* for I/O that entered before @before */
	DRAIN_DISCARDS,
};

/**
 * struct worker - the space worker
 * @self: where it stopped
 * @others: where the rest of the run did
 * @stack: its own
 * @busy: it is in the middle of a pass
 * @runs: it goes on, and the rest of the run waits
 * @drain: how far freed space is
 * @before: I/O that may know freed space entered before that
 */
struct worker {
	ucontext_t self;
	ucontext_t others;
	void *stack;
	bool busy;
	bool runs;
	enum worker_drain drain;
	u64 before;
};

void worker_init(struct machine *machine);
void worker_exit(struct machine *machine);
void worker_step(struct machine *machine);
void worker_finish(struct machine *machine);
void worker_rest(struct machine *machine);
void worker_drop(struct machine *machine);
bool worker_settled(const struct machine *machine, u64 before);
void worker_pause(struct machine *machine);

#endif /* SIM_WORKER_H */
