/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks an open chain: maps and reads ranges of the virtual disk, and holds
 * every answer against the reference reader.
 *
 * walk.c APIs:
 *   walk_chain()	all of it
 *   walk_begin()	a phase begins
 *   walk_range()	choose a range near an edge of something
 */
#ifndef FUZZ_WALK_H
#define FUZZ_WALK_H

#include "chain.h"
#include "input.h"
#include "random.h"
#include "reference.h"

/**
 * struct walk - a chain, and what is known of it
 * @chain: as the engine has it
 * @files: of its layers
 * @refs: what the reference makes of them; NULL if a failure was asked for,
 *	and then only the form of the answers is checked
 * @random: chooses the ranges
 */
struct walk {
	struct vhdx_chain *chain;
	const struct fuzz_layer *files;
	const struct reference *refs;
	struct random *random;
};

void walk_chain(struct walk *walk);
void walk_begin(const struct walk *walk, const char *phase, u64 len);
u64 walk_range(const struct walk *walk, u64 most, u64 *len);

#endif /* FUZZ_WALK_H */
