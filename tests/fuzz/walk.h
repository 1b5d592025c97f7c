/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks an open chain: maps and reads ranges of the virtual disk, and holds
 * every answer against the reference reader.
 *
 * walk.c APIs:
 *   walk_chain()	all of it
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

#endif /* FUZZ_WALK_H */
