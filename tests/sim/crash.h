/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Crashes: of what may be lost, which part has reached the disk.
 *
 * Any subset of the changes since the last flush may have, each torn at 4 KiB;
 * those to one place keep their order, but for those under way together. The
 * length of a file changes in order, too. Choices are made at random, and
 * some of them after a pattern, because the crashes that show mistakes are
 * not the average ones: all but one, one alone, all up to some moment, all of
 * the engine's and none of the payload.
 *
 * crash.c APIs:
 *   crash_choose()	what reaches the disk
 *   crash_apply()	make the durable disk what the crash leaves
 *   crash_undo()	make it what it was
 *   crash_exit()
 */
#ifndef SIM_CRASH_H
#define SIM_CRASH_H

#include "random.h"
#include "recorder.h"

enum fate {
	FATE_LOST,
	FATE_KEPT,
	FATE_TORN,
};

/**
 * struct crash - a crash
 * @fate: of each change of the recorder, by its index
 * @seed: of each that is torn
 * @count: how many
 * @room: for how many there is memory
 * @swap: what was under way together has arrived the other way round
 * @touched: TOUCHED_*, of all that has reached the disk since the mark
 * @undo: what the disk held before
 */
struct crash {
	u8 *fate;
	u32 *seed;
	u32 count;
	u32 room;
	bool swap;
	u32 touched;
	struct undo undo;
};

void crash_choose(struct crash *crash, const struct recorder *rec,
		  struct random *random);
void crash_apply(struct crash *crash, struct recorder *rec);
void crash_undo(struct crash *crash, struct recorder *rec);
void crash_exit(struct crash *crash);

#endif /* SIM_CRASH_H */
