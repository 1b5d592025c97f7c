// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shrink.h"

/**
 * shared_memory() - memory that a child's writes reach us in
 * @size: bytes; they are zeros
 */
void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void run_child(const struct plan *plan, struct outcome *outcome)
{
	struct machine *machine = malloc(sizeof(*machine));
	struct totals totals = {};

	alarm(RUN_SECONDS);
	if (!machine)
		abort();
	if (!plan->show && dup2(open("/dev/null", O_WRONLY), 2) < 0)
		abort();
	machine->outcome = outcome;
	machine_run(machine, plan, &totals);
	outcome->failed = machine->failed;
	outcome->op = machine->failed_op;
	outcome->sample = machine->failed_sample;
	memcpy(outcome->text, machine->text, sizeof(machine->text));
	fflush(stdout);
	_exit(0);
}

/**
 * attempt() - does a plan fail?
 * @plan: the plan
 * @outcome: in shared memory: how
 *
 * Return: true if it does.
 */
bool attempt(const struct plan *plan, struct outcome *outcome)
{
	int status;
	pid_t child;

	memset(outcome, 0, offsetof(struct outcome, change));
	outcome->op = plan->count;
	outcome->sample = ALL_SAMPLES;
	fflush(stdout);
	child = fork();
	if (!child)
		run_child(plan, outcome);
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (WIFSIGNALED(status) || WEXITSTATUS(status)) {
		outcome->failed = true;
		snprintf(outcome->text, sizeof(outcome->text),
			 WIFSIGNALED(status) ? "the run was killed by signal %d" :
					       "the run ended with status %d",
			 WIFSIGNALED(status) ? WTERMSIG(status) :
					       WEXITSTATUS(status));
	}
	return outcome->failed;
}

static void leave_out_from(struct plan *plan, u32 first)
{
	for (; first < plan->count; first++)
		plan->op[first].left_out = true;
}

/*
 * Leaves out @size operations from @first on, unless the failure goes away
 * with them. Returns where the next ones begin.
 */
static u32 leave_out(struct plan *plan, u32 first, u32 size,
		     struct outcome *outcome)
{
	bool *before = calloc(plan->count, sizeof(*before));
	u32 i, left = size;

	if (!before)
		abort();
	for (i = 0; i < plan->count; i++)
		before[i] = plan->op[i].left_out;
	for (i = first; i < plan->count && left; i++) {
		left -= !plan->op[i].left_out;
		plan->op[i].left_out = true;
	}
	if (left == size)
		i = plan->count;
	else if (attempt(plan, outcome))
		leave_out_from(plan, outcome->op + 1);
	else
		for (u32 k = 0; k < plan->count; k++)
			plan->op[k].left_out = before[k];
	free(before);
	return i;
}

static u32 count_ops(const struct plan *plan)
{
	u32 i, count = 0;

	for (i = 0; i < plan->count; i++)
		count += !plan->op[i].left_out;
	return count;
}

static void shrink_ops(struct plan *plan, struct outcome *outcome, time_t end)
{
	u32 size = count_ops(plan), first;
	bool again = true;

	while (again && time(NULL) < end) {
		u32 before = count_ops(plan);

		size = max(size / 2, 1U);
		for (first = 0; first < plan->count && time(NULL) < end;)
			first = leave_out(plan, first, size, outcome);
		again = size > 1 || count_ops(plan) < before;
	}
}

/* Says which changes are lost, and makes of those that are torn what it can. */
static bool name_lost(struct plan *plan, struct outcome *outcome, u32 *lost,
		      bool torn)
{
	u32 count = min(outcome->count, CHANGES_MAX);
	u32 i;

	plan->lost = lost;
	plan->lost_count = 0;
	for (i = 0; i < count; i++)
		if (outcome->fate[i] == FATE_LOST ||
		    (torn && outcome->fate[i] == FATE_TORN))
			lost[plan->lost_count++] = outcome->change[i];
	return attempt(plan, outcome);
}

/* What need not be lost for the failure is not. */
static void shrink_lost(struct plan *plan, struct outcome *outcome, u32 *lost,
			time_t end)
{
	u32 i;

	for (i = 0; i < plan->lost_count && time(NULL) < end;) {
		u32 one = lost[i];

		lost[i] = lost[--plan->lost_count];
		if (attempt(plan, outcome))
			continue;
		lost[plan->lost_count++] = lost[i];
		lost[i++] = one;
	}
}

/**
 * shrink() - leave out what a failure does not need
 * @plan: that fails
 * @outcome: in shared memory: how
 * @seconds: that it may take, roughly
 */
void shrink(struct plan *plan, struct outcome *outcome, u32 seconds)
{
	static u32 lost[CHANGES_MAX];
	time_t end = time(NULL) + seconds;
	struct outcome *first;

	leave_out_from(plan, min(outcome->op, plan->count - 1) + 1);
	shrink_ops(plan, outcome, end);
	/* Of the attempts, the last one need not be the one that failed. */
	if (!attempt(plan, outcome) || outcome->sample == ALL_SAMPLES)
		return;
	first = malloc(sizeof(*first));
	if (!first)
		abort();
	*first = *outcome;
	plan->sample = outcome->sample;
	if (name_lost(plan, outcome, lost, true)) {
		shrink_lost(plan, outcome, lost, end);
	} else {
		*outcome = *first;
		if (name_lost(plan, outcome, lost, false))
			shrink_lost(plan, outcome, lost, end);
		else
			plan->lost_count = U32_MAX;
	}
	free(first);
}
