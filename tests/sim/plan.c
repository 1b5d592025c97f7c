// SPDX-License-Identifier: GPL-2.0-only
#include "plan.h"

#define HOT_BLOCKS 6U

/**
 * struct taste - what the operations of a run are like
 * @hot: blocks that most of them go to
 * @weight: how often each kind is chosen
 * @elsewhere: percent that go to other ones
 * @fua: percent of the writes
 * @whole: percent of the requests that are whole blocks
 * @whole_zeroes: of those that discard or zero
 */
struct taste {
	u64 hot[HOT_BLOCKS];
	u32 weight[OP_KINDS];
	u32 elsewhere;
	u32 fua;
	u32 whole;
	u32 whole_zeroes;
};

static const u32 usual[OP_KINDS] = {
	[OP_WRITE] = 40, [OP_READ] = 8,	  [OP_DISCARD] = 8, [OP_ZERO] = 5,
	[OP_PROGRESS] = 20, [OP_FLUSH] = 8, [OP_COMMIT] = 6, [OP_TICK] = 3,
	[OP_IDLE] = 2, [OP_SHRINK] = 2, [OP_END] = 1, [OP_REOPEN] = 1,
	[OP_CRASH] = 2, [OP_FAULT] = 1, [OP_MOVE] = 6,
};

/* Blocks of the first page of the BAT. */
#define NEAR_BLOCKS 512U

/*
 * Nothing that empties the log, and much that fills it, nearly all of it in one
 * page of the BAT: the entries of the others stay in it until it comes round.
 * In half of these runs, that is so of the first entries of a lap, which the
 * next lap overwrites first.
 */
static void fill_log(struct plan *plan, struct taste *taste,
		     struct random *random)
{
	static const u32 weight[OP_KINDS] = {
		[OP_WRITE] = 50, [OP_READ] = 2,	 [OP_DISCARD] = 40,
		[OP_ZERO] = 10,	 [OP_PROGRESS] = 20, [OP_FLUSH] = 5,
		[OP_COMMIT] = 60, [OP_TICK] = 2, [OP_MOVE] = 4,
	};

	u32 i;

	memcpy(taste->weight, weight, sizeof(weight));
	taste->whole_zeroes = 100;
	taste->whole = 2;
	taste->elsewhere = 2;
	for (i = 0; i < HOT_BLOCKS; i++)
		taste->hot[i] %= 400;
	plan->count *= 3;
	plan->density *= 3;
	if (random_once_in(random, 2)) {
		taste->elsewhere = 0;
		plan->far = NEAR_BLOCKS;
	}
}

/* Each run is fond of something and knows nothing of something else. */
static void choose_taste(struct taste *taste, const struct geometry *geometry,
			 struct random *random)
{
	u64 blocks = (geometry->size - 1) >> geometry->block_shift;
	u32 i;

	memcpy(taste->weight, usual, sizeof(usual));
	for (i = 0; i <= OP_MOVE; i++)
		if (random_once_in(random, 6))
			taste->weight[i] *= random_below(random, 6);
	taste->weight[OP_WRITE] += 5;
	taste->weight[OP_PROGRESS] += 5;
	taste->fua = random_once_in(random, 2) ? 0 : random_below(random, 40);
	taste->whole = random_below(random, 15);
	taste->whole_zeroes = 60;
	taste->elsewhere = random_once_in(random, 3) ? 2 : 25;
	for (i = 0; i < HOT_BLOCKS; i++)
		taste->hot[i] = random_below(random, blocks + 1);
	taste->hot[0] = blocks;
	if (blocks > 4096)
		taste->hot[1] = 4095 + random_below(random, 2);
	if (geometry->child && blocks >= geometry_chunk(geometry))
		taste->hot[1] = geometry_chunk(geometry) - 1 +
				random_below(random, 2);
	/* A bitmap may come to serve no block any more. */
	if (geometry->child && !geometry->partial) {
		taste->elsewhere = 2;
		taste->whole_zeroes = 95;
		taste->weight[OP_DISCARD] += 15;
	}
}

static enum op_kind choose_kind(const struct taste *taste,
				struct random *random)
{
	u32 sum = 0, i, at;

	for (i = 0; i < OP_KINDS; i++)
		sum += taste->weight[i];
	at = random_below(random, sum);
	for (i = 0; at >= taste->weight[i]; i++)
		at -= taste->weight[i];
	return i;
}

static void choose_whole(struct op *op, const struct geometry *geometry,
			 struct random *random)
{
	op->len = (1ULL << geometry->block_shift) *
		  (1 + random_below(random, 2));
	/* And something of what comes before or after; or not quite all. */
	switch (random_below(random, 6)) {
	case 0:
		op->len += geometry->sector * (1 + random_below(random, 64));
		break;
	case 1:
		op->len = min(op->len, geometry->size - op->pos) -
			  geometry->sector * (1 + random_below(random, 9));
		break;
	}
	if (random_once_in(random, 4)) {
		u64 before = geometry->sector * (1 + random_below(random, 64));

		before = min(before, op->pos);
		op->pos -= before;
		op->len += before;
	}
}

/* Few places, so that things meet there. */
static void choose_part(struct op *op, const struct geometry *geometry,
			struct random *random)
{
	static const u32 pages[] = { 0, 0, 1, 2, 100, 254, 255, 255 };
	u32 page = pages[random_below(random, ARRAY_SIZE(pages))];
	u32 per_page = VHDX_PAGE / geometry->sector;

	op->pos += page * VHDX_PAGE +
		   random_below(random, per_page) * geometry->sector;
	op->len = geometry->sector *
		  (1 + random_below(random, random_once_in(random, 4) ? 40 : 6));
	/* Bits of large blocks are in more than one page of the bitmap. */
	if (geometry->block_shift > 22 && random_once_in(random, 2))
		op->pos += (random_below(random, 2) + 1) <<
			   (geometry->block_shift - 2);
}

static void choose_range(struct op *op, const struct geometry *geometry,
			 const struct taste *taste, struct random *random)
{
	u64 blocks = (geometry->size - 1) >> geometry->block_shift;
	u64 block = taste->hot[random_below(random, HOT_BLOCKS)];
	u32 whole = taste->whole;

	if (random_below(random, 100) < taste->elsewhere)
		block = random_below(random, blocks + 1);
	op->pos = block << geometry->block_shift;
	if (op->kind == OP_DISCARD || op->kind == OP_ZERO)
		whole = taste->whole_zeroes;
	if (random_below(random, 100) < whole)
		choose_whole(op, geometry, random);
	else
		choose_part(op, geometry, random);
	if (op->pos >= geometry->size)
		op->pos = geometry->size - geometry->sector;
	op->len = min(op->len, geometry->size - op->pos);
	op->fua = op->kind == OP_WRITE &&
		  random_below(random, 100) < taste->fua;
}

/* The size of the disk and the places of its blocks change, too. */
static void choose_shapes(struct plan *plan, struct taste *taste,
			  enum shapes shapes)
{
	struct random other = { .state = plan->seed ^ 0x2545f491 };

	if (random_once_in(&other, 16) || shapes == SHAPES_HUGE) {
		geometry_enlarge(&plan->geometry, &other);
		choose_taste(taste, &plan->geometry, &other);
		plan->count = min(plan->count, 80U);
		plan->density = 4;
		taste->weight[OP_GROW] = 5;
	}
	plan->geometry.gap = random_once_in(&other, 3) ?
				     1 + random_below(&other, 40) : 0;
	taste->weight[OP_GROW] += random_below(&other, 10);
	taste->weight[OP_CUT] = random_below(&other, 8);
	taste->weight[OP_COMPACT] = random_below(&other, 10);
}

/**
 * plan_make() - make the run of a seed and a number
 * @plan: the run
 * @seed: the seed
 * @number: the number
 * @parents: whether its image may have a parent
 * @shapes: whether its shape changes
 */
void plan_make(struct plan *plan, u64 seed, u32 number, enum parents parents,
	       enum shapes shapes)
{
	struct random random = { .state = seed * 1000003 + number };
	bool is_long = random_once_in(&random, 10);
	bool laps = is_long && !random_once_in(&random, 3) && !shapes;
	struct taste taste;
	u32 i;

	memset(plan, 0, sizeof(*plan));
	plan->seed = random_next(&random);
	plan->number = number;
	plan->sample = ALL_SAMPLES;
	plan->lost_count = U32_MAX;
	geometry_choose(&plan->geometry, &random,
			laps || (is_long && random_once_in(&random, 2)),
			parents);
	choose_taste(&taste, &plan->geometry, &random);
	plan->count = 20 + random_below(&random, 180);
	plan->density = 1;
	plan->overtake = !laps;
	plan->slow = random_once_in(&random, 2) ?
			     random_below(&random, 50) : 0;
	if (is_long) {
		plan->count *= 10;
		plan->density = 8;
	}
	if (laps)
		fill_log(plan, &taste, &random);
	if (shapes)
		choose_shapes(plan, &taste, shapes);
	plan->op = calloc(plan->count, sizeof(*plan->op));
	if (!plan->op)
		abort();
	for (i = 0; i < plan->count; i++) {
		struct op *op = &plan->op[i];

		op->kind = choose_kind(&taste, &random);
		op->seed = random_next(&random);
		op->keep = op->kind == OP_ZERO && op->seed % 3 == 0;
		if (op->kind <= OP_ZERO)
			choose_range(op, &plan->geometry, &taste, &random);
	}
}

void plan_exit(struct plan *plan)
{
	free(plan->op);
}

static const char *const op_names[OP_KINDS] = {
	[OP_WRITE] = "write",	    [OP_READ] = "read",
	[OP_DISCARD] = "discard",   [OP_ZERO] = "zero",
	[OP_PROGRESS] = "progress", [OP_FLUSH] = "flush",
	[OP_COMMIT] = "commit",	    [OP_TICK] = "tick",
	[OP_IDLE] = "idle",	    [OP_SHRINK] = "shrink",
	[OP_END] = "end",	    [OP_REOPEN] = "reopen",
	[OP_CRASH] = "crash",	    [OP_FAULT] = "fault",
	[OP_MOVE] = "move",
	[OP_GROW] = "grow",	    [OP_CUT] = "cut",
	[OP_COMPACT] = "compact",
};

/**
 * plan_print_op() - say what an operation is
 * @plan: the run
 * @index: of the operation
 */
void plan_print_op(const struct plan *plan, u32 index)
{
	const struct op *op = &plan->op[index];
	u64 block = op->pos >> plan->geometry.block_shift;

	printf("  %4u  %s%s", index, op_names[op->kind],
	       op->keep ? " in place" : "");
	if (op->kind <= OP_ZERO)
		printf("%s %llu sectors at %llu (block %llu + %llu)",
		       op->fua ? " fua" : "", op->len / SECTOR,
		       op->pos / SECTOR, block,
		       (op->pos - (block << plan->geometry.block_shift)) /
			       SECTOR);
	printf("\n");
}

/**
 * plan_print() - say what a run is
 * @plan: the run
 */
void plan_print(const struct plan *plan)
{
	u32 i;

	geometry_print(&plan->geometry);
	for (i = 0; i < plan->count; i++)
		if (!plan->op[i].left_out)
			plan_print_op(plan, i);
}
