/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run as a list: the image, and what is done to it, one thing after the
 * other. Made from a seed; afterwards things can be left out of it, and what
 * remains does as before, for each operation has a seed of its own.
 *
 * plan.c APIs:
 *   plan_make()	the run of a seed and a number
 *   plan_exit()
 *   plan_print()	in words
 *   plan_print_op()	one operation in words
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "geometry.h"

enum op_kind {
	OP_WRITE,
	OP_READ,
	OP_DISCARD,
	OP_ZERO,
	OP_PROGRESS,
	OP_FLUSH,
	OP_COMMIT,
	OP_TICK,
	OP_IDLE,
	OP_SHRINK,
	OP_END,
	OP_REOPEN,
	OP_CRASH,
	OP_FAULT,
	OP_MOVE,
	OP_GROW,
	OP_CUT,
	OP_COMPACT,
	OP_KINDS,
};

/**
 * struct op - one thing that is done
 * @kind: what
 * @fua: a write that is to be durable
 * @keep: zeroes that leave space where it is
 * @left_out: it is not
 * @seed: of what it leaves open
 * @pos: byte offset on the virtual disk
 * @len: bytes
 */
struct op {
	enum op_kind kind;
	bool fua;
	bool keep;
	bool left_out;
	u64 seed;
	u64 pos;
	u64 len;
};

#define ALL_SAMPLES U32_MAX

/**
 * struct plan - a run
 * @seed: of everything
 * @number: of the run
 * @geometry: the image
 * @density: one in so many crash states is tried
 * @overtake: loads of a page may be overtaken by a checkpoint
 * @slow: percent of the I/O that is under way for long
 * @far: blocks from here on are left alone but at the start of each lap of the
 *	log; they are in two other pages of the BAT. 0 for none
 * @op: what is done
 * @count: how many
 * @sample: the only crash state that is tried, or ALL_SAMPLES
 * @lost: numbers of the changes that do not reach the disk there; all others
 *	do
 * @lost_count: how many; U32_MAX: the choice is the seed's
 * @show: print the crash that shows a fault
 * @dump: directory for images whose shape has changed, or NULL
 */
struct plan {
	u64 seed;
	u32 number;
	struct geometry geometry;
	u32 density;
	bool overtake;
	u32 slow;
	u64 far;
	struct op *op;
	u32 count;
	u32 sample;
	const u32 *lost;
	u32 lost_count;
	bool show;
	const char *dump;
};

void plan_make(struct plan *plan, u64 seed, u32 number, enum parents parents,
	       enum shapes shapes);
void plan_exit(struct plan *plan);
void plan_print(const struct plan *plan);
void plan_print_op(const struct plan *plan, u32 index);

#endif /* SIM_PLAN_H */
