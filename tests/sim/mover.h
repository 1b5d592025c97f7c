/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moves blocks down into holes, as a part of the space worker's passes. A pass
 * does a step, so that anything may come in between.
 *
 * mover.c APIs:
 *   mover_ask()	somebody wants blocks to move
 *   mover_step()	do the next step of a move
 *   mover_finish()	end the move that is under way, or give it up
 *   mover_drop()	the session goes, whatever moves
 */
#ifndef SIM_MOVER_H
#define SIM_MOVER_H

#include "env.h"

struct machine;

enum mover_stage {
	MOVER_IDLE,
	MOVER_LOOKS,	/* for a block */
	MOVER_WAITS,	/* for I/O that entered before @before */
	MOVER_COPIES,
};

/**
 * struct mover - what is to be moved
 * @stage: how far the block that moves is
 * @index: of its entry, or where the search goes on
 * @end: blocks from here on move
 * @left: blocks that are to move
 * @step: bytes that a pass copies
 * @before: I/O that may know a way past the fence entered before that
 */
struct mover {
	enum mover_stage stage;
	u64 index;
	u64 end;
	u32 left;
	u32 step;
	u64 before;
};

void mover_ask(struct machine *machine);
void mover_step(struct machine *machine);
void mover_finish(struct machine *machine);
void mover_drop(struct machine *machine);

#endif /* SIM_MOVER_H */
