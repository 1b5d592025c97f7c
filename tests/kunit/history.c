// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

/**
 * history_new() - make an empty history
 * @test: the test; it ends here if there is no memory
 * @check: see struct history
 * @context: for @check
 *
 * Return: the history, for history_free().
 */
struct history *history_new(struct kunit *test,
			    void (*check)(struct history *history, u32 at),
			    void *context)
{
	struct history *history = kunit_kzalloc(test, sizeof(*history),
						GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, history);
	history->test = test;
	history->check = check;
	history->context = context;
	history->state = kvcalloc(HISTORY_STATES, sizeof(*history->state),
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, history->state);
	for (i = 0; i < HISTORY_STATES; i++)
		ram_store_init(&history->state[i]);
	return history;
}

static void keep_state(void *context, enum ram_op op, u64 pos)
{
	struct history *history = context;
	struct fixture *f = history->test->priv;

	KUNIT_ASSERT_TRUE(history->test, history->count < HISTORY_STATES - 1);
	ram_store_copy(&history->state[history->count], &f->ram[0]);
	history->op[history->count] = op;
	history->pos[history->count++] = pos;
}

/**
 * history_record() - listen from now on
 * @history: empty; the test has a session
 */
void history_record(struct history *history)
{
	struct tracer *tracer = &writer_of(history->test)->tracer;

	tracer->context = history;
	tracer->hook = keep_state;
}

/**
 * history_stop() - no more
 * @history: that listens
 */
void history_stop(struct history *history)
{
	struct fixture *f = history->test->priv;

	writer_of(history->test)->tracer.hook = NULL;
	ram_store_copy(&history->state[history->count], &f->ram[0]);
}

/* An operation that was under way: of its sectors, those that @keep has. */
static void apply(const struct history *history, struct ram_store *to, u32 i,
		  u64 keep)
{
	const struct ram_store *before = &history->state[i];
	const struct ram_store *after = &history->state[i + 1];

	if (before->store.size == after->store.size)
		ram_store_change(to, before, after, keep);
	/* A length changes at once. */
	else if (keep)
		to->store.size = after->store.size;
}

/* Each change of an epoch lost, torn, or alone, and each of its beginnings. */
static u32 check_epoch(struct history *history, u32 first, u32 end)
{
	static const u64 torn[] = { 0, 0x5555555555555555, 0x0F, ~0x0FULL };
	struct fixture *f = history->test->priv;
	struct ram_store *ram = &f->ram[2];
	u32 i, k, t, states = 0;

	for (i = first; i < end; i++) {
		for (t = 0; t < ARRAY_SIZE(torn); t++) {
			/* What came before, and a part of this one. */
			ram_store_copy(ram, &history->state[i]);
			apply(history, ram, i, torn[t]);
			history->check(history, first);
			/* The others of the epoch, and a part of it. */
			ram_store_copy(ram, &history->state[first]);
			for (k = first; k < end; k++)
				apply(history, ram, k, k == i ? torn[t] : ~0ULL);
			history->check(history, first);
			/* It alone. */
			ram_store_copy(ram, &history->state[first]);
			apply(history, ram, i, ~torn[t]);
			history->check(history, first);
			states += 3;
		}
	}
	return states;
}

/**
 * history_crash() - look at what every crash may have left
 * @history: that was recorded, and ends with a flush or with a cut file
 *
 * Return: how many states were looked at.
 */
u32 history_crash(struct history *history)
{
	u32 first = 0, i, states = 0;

	for (i = 0; i < history->count; i++) {
		if (history->op[i] != RAM_FLUSH)
			continue;
		states += check_epoch(history, first, i);
		first = i + 1;
	}
	return states + check_epoch(history, first, history->count);
}

/**
 * history_free() - free a history
 * @history: from history_new()
 */
void history_free(struct history *history)
{
	u32 i;

	for (i = 0; i < HISTORY_STATES; i++)
		ram_store_exit(&history->state[i]);
	kvfree(history->state);
}
