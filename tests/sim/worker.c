// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

/* Sanitizers make frames larger. */
#define STACK_BYTES ((u32)VHDX_MIB)

/* makecontext() passes no pointer. */
static struct machine *starting;

/**
 * worker_settled() - has all I/O ended that began in time?
 * @m: the run
 * @before: I/O that entered before that counts
 *
 * What is written is not under way any more, though its bits are still to be
 * set.
 */
bool worker_settled(const struct machine *m, u64 before)
{
	u32 i;

	for (i = 0; i < IO_MAX; i++)
		if (m->io[i].stage != IO_FREE &&
		    m->io[i].stage != IO_WRITTEN &&
		    m->io[i].entered <= before)
			return false;
	return true;
}

/* Freed space may be used again when all that knew its old owner has ended. */
static void drain(struct machine *m)
{
	struct worker *worker = &m->worker;

	if (worker->drain == DRAIN_WAITS &&
	    worker_settled(m, worker->before))
		worker->drain = DRAIN_DISCARDS;
	if (worker->drain == DRAIN_DISCARDS &&
	    !vhdx_session_drained(m->session))
		worker->drain = DRAIN_NOTHING;
	if (worker->drain == DRAIN_NOTHING && vhdx_session_drain(m->session)) {
		worker->drain = DRAIN_WAITS;
		worker->before = m->entered;
	}
}

static void do_pass(void)
{
	struct machine *m = starting;

	/* What fails here, the committer learns. */
	vhdx_session_prepare(m->session);
	drain(m);
	mover_step(m);
	if (!m->session->space_error)
		m->rec.failed = false;
	m->totals->passes++;
	m->worker.busy = false;
}

/* Lets the worker go on until it pauses, or its pass ends. */
static void resume(struct machine *m)
{
	struct worker *worker = &m->worker;

	if (!worker->busy) {
		starting = m;
		getcontext(&worker->self);
		worker->self.uc_stack.ss_sp = worker->stack;
		worker->self.uc_stack.ss_size = STACK_BYTES;
		worker->self.uc_link = &worker->others;
		makecontext(&worker->self, do_pass, 0);
		worker->busy = true;
	}
	worker->runs = true;
	swapcontext(&worker->others, &worker->self);
	worker->runs = false;
}

/**
 * worker_pause() - an operation of the worker's is under way
 * @m: the run; the worker is the one who runs
 *
 * Returns when the worker is resumed.
 */
void worker_pause(struct machine *m)
{
	swapcontext(&m->worker.self, &m->worker.others);
}

/**
 * worker_step() - go on up to the next operation of the store
 * @m: the run, with a session; anybody but the worker runs
 */
void worker_step(struct machine *m)
{
	if (m->worker.busy)
		m->totals->beside++;
	resume(m);
}

/**
 * worker_finish() - go on up to the end of the pass that is under way
 * @m: the run; likewise
 */
void worker_finish(struct machine *m)
{
	while (m->worker.busy)
		resume(m);
}

/**
 * worker_rest() - go on until there is nothing left to do
 * @m: the run; likewise
 */
void worker_rest(struct machine *m)
{
	enum worker_drain before;

	worker_finish(m);
	do {
		before = m->worker.drain;
		resume(m);
		worker_finish(m);
	} while (machine_lives(m) &&
		 (m->session->prepared.more || m->worker.drain != before ||
		  m->worker.drain == DRAIN_DISCARDS));
}

/**
 * worker_drop() - the session goes, whatever the worker is doing
 * @m: the run; what the worker still does is of no account
 */
void worker_drop(struct machine *m)
{
	bool muted = m->muted;

	m->muted = true;
	worker_finish(m);
	m->muted = muted;
	m->worker.drain = DRAIN_NOTHING;
	mover_drop(m);
}

/**
 * worker_init() - nothing to do yet
 * @m: the run
 */
void worker_init(struct machine *m)
{
	m->worker = (struct worker){ .stack = malloc(STACK_BYTES) };
	if (!m->worker.stack)
		abort();
}

/**
 * worker_exit() - forget the worker
 * @m: the run; the worker is in no pass
 */
void worker_exit(struct machine *m)
{
	free(m->worker.stack);
}
