/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Some sectors of a virtual disk, and what is known of them: whatever becomes
 * of its file, that is what they must read as.
 *
 * spots.c APIs:
 *   spots_learn()	what sectors near edges read as
 *   spots_learn_at()	what one sector reads as
 *   spots_write()	a range was written with one byte
 *   spots_unknown()	a range may be anything now
 *   spots_durable()	what is known is durable
 *   spots_crash()	what is not durable is not known
 *   spots_check()	does each still read as it should?
 */
#ifndef FUZZ_SPOTS_H
#define FUZZ_SPOTS_H

#include "walk.h"

#define SPOTS_MAX	48U

/**
 * struct spot - a sector
 * @pos: byte offset on the virtual disk
 * @bad: it cannot be read
 * @durable: a crash does not change it
 * @sum: checksum of its bytes, if it can be read
 */
struct spot {
	u64 pos;
	bool bad;
	bool durable;
	u32 sum;
};

/**
 * struct spots - sectors of a disk
 * @count: how many are known
 * @spot: these
 */
struct spots {
	u32 count;
	struct spot spot[SPOTS_MAX];
};

void spots_learn(struct spots *spots, const struct walk *walk, u32 count);
void spots_learn_at(struct spots *spots, const struct walk *walk, u64 pos);
void spots_write(struct spots *spots, u64 pos, u64 len, u32 sector, u8 byte);
void spots_unknown(struct spots *spots, u64 pos, u64 len);
void spots_durable(struct spots *spots);
void spots_crash(struct spots *spots);
void spots_check(const struct spots *spots, const struct walk *walk,
		 const char *when);

#endif /* FUZZ_SPOTS_H */
