// SPDX-License-Identifier: GPL-2.0-only
#include "crash.h"

enum pattern {
	NOTHING,
	EVERYTHING,
	ONE_LOST,
	ONE_KEPT,
	UP_TO_ONE,
	FROM_ONE,
	NO_PAYLOAD,
	NO_METADATA,
	HALF,
	FEW_LOST,
	PATTERNS,
};

static enum fate fate_of(enum pattern pattern, u32 i, u32 one,
			 const struct change *change, struct random *random)
{
	bool kept = true;

	switch (pattern) {
	case NOTHING:
		return FATE_LOST;
	case EVERYTHING:
		return FATE_KEPT;
	case ONE_LOST:
	case ONE_KEPT:
		if (i == one && random_once_in(random, 3))
			return FATE_TORN;
		kept = (i == one) == (pattern == ONE_KEPT);
		break;
	case UP_TO_ONE:
		if (i == one)
			return FATE_TORN;
		kept = i < one;
		break;
	case FROM_ONE:
		kept = i >= one;
		break;
	case NO_PAYLOAD:
		kept = !change->user;
		break;
	case NO_METADATA:
		kept = change->user;
		break;
	case FEW_LOST:
		kept = !random_once_in(random, 6);
		break;
	default:
		return random_below(random, 3);
	}
	return kept ? FATE_KEPT : FATE_LOST;
}

/* How long a file is changes in order: all up to some moment, or none. */
static void order_sizes(struct crash *crash, const struct recorder *rec)
{
	bool lost = false;
	u32 i;

	for (i = 0; i < crash->count; i++) {
		if (rec->change[i]->kind != CHANGE_SIZE)
			continue;
		lost |= crash->fate[i] == FATE_LOST;
		crash->fate[i] = lost ? FATE_LOST : FATE_KEPT;
	}
}

static void make_room(struct crash *crash, u32 count)
{
	crash->count = count;
	if (count <= crash->room)
		return;
	crash->room = 2 * count;
	crash->fate = realloc(crash->fate, crash->room);
	crash->seed = realloc(crash->seed,
			      crash->room * sizeof(*crash->seed));
	if (!crash->fate || !crash->seed)
		abort();
}

/**
 * crash_choose() - choose what reaches the disk
 * @crash: the choice
 * @rec: the store
 * @random: where choices come from
 */
void crash_choose(struct crash *crash, const struct recorder *rec,
		  struct random *random)
{
	enum pattern pattern = random_below(random, PATTERNS);
	u32 one = random_below(random, rec->count);
	u32 i;

	make_room(crash, rec->count);
	crash->swap = random_once_in(random, 2);
	for (i = 0; i < rec->count; i++) {
		const struct change *change = rec->change[i];

		crash->seed[i] = random_next(random);
		crash->fate[i] = fate_of(pattern, i, one, change, random);
		if (change->forced)
			crash->fate[i] = FATE_KEPT;
	}
	order_sizes(crash, rec);
}

static void apply_one(struct crash *crash, struct recorder *rec, u32 index)
{
	const struct change *change = rec->change[index];
	struct random random = { .state = crash->seed[index] };
	struct disk *disk = &rec->durable;
	u32 i;

	if (crash->fate[index] == FATE_LOST)
		return;
	crash->touched |= change_touches(rec, change);
	if (change->kind == CHANGE_SIZE) {
		disk_resize(disk, change->size, &crash->undo);
		return;
	}
	for (i = 0; i < change->pages; i++) {
		u64 number = change->first + i;

		if (crash->fate[index] == FATE_TORN &&
		    random_once_in(&random, 2))
			continue;
		disk_set(disk, number,
			 change_page(change, i, disk_page(disk, number)),
			 &crash->undo);
	}
}

/**
 * crash_apply() - make the durable disk what the crash leaves
 * @crash: as chosen
 * @rec: the store; nothing else may happen to it until crash_undo()
 */
void crash_apply(struct crash *crash, struct recorder *rec)
{
	u32 i;

	crash->touched = rec->touched;
	crash->undo.size = rec->durable.size;
	for (i = 0; i < rec->completed; i++)
		apply_one(crash, rec, i);
	for (i = rec->completed; i < crash->count; i++)
		apply_one(crash, rec,
			  crash->swap ? rec->completed + crash->count - 1 - i :
					i);
}

/**
 * crash_undo() - make the durable disk what it was
 * @crash: that was applied
 * @rec: the store
 */
void crash_undo(struct crash *crash, struct recorder *rec)
{
	undo_all(&rec->durable, &crash->undo);
}

void crash_exit(struct crash *crash)
{
	free(crash->fate);
	free(crash->seed);
	free(crash->undo.step);
}
