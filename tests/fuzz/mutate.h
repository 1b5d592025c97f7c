/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutations that know the format, for libFuzzer's own know only bytes.
 *
 * mutate.c has the hooks that libFuzzer calls, and the mutations of extents,
 * layers and settings.
 * mutate-fields.c APIs:
 *   mutate_field()	a field of some structure
 *   mutate_move()	move the log or a region
 *   mutate_bat()	an entry of the BAT, or many
 *   mutate_bitmap()	bits of a sector bitmap
 *   mutate_layout()	find out where a file's structures are
 *   mutate_number()	a number near another, or a special one
 * mutate-log.c APIs:
 *   mutate_log()	write, copy or bend entries of the log
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "format.h"
#include "input.h"
#include "random.h"

/**
 * struct mutation - what is mutated, and where its structures are
 * @input: all of it
 * @layer: the file
 * @random: makes the choices
 * @log: byte offset of the log
 * @log_length: bytes
 * @bat: byte offset of the BAT
 * @metadata: byte offset of the metadata region
 */
struct mutation {
	struct fuzz_input *input;
	struct fuzz_layer *layer;
	struct random *random;
	u64 log;
	u64 log_length;
	u64 bat;
	u64 metadata;
};

void mutate_layout(struct mutation *m);
u64 mutate_number(struct mutation *m, u64 old, u32 width);
void mutate_field(struct mutation *m);
void mutate_move(struct mutation *m);
void mutate_bat(struct mutation *m);
void mutate_bitmap(struct mutation *m);
void mutate_log(struct mutation *m);

#endif /* FUZZ_MUTATE_H */
