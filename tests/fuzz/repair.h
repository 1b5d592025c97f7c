/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes the checksums of a mutated file right again, and the sequence numbers
 * and lengths of its log entries, or nothing would get past them.
 *
 * repair.c APIs:
 *   fuzz_repair()	put one file right
 */
#ifndef FUZZ_REPAIR_H
#define FUZZ_REPAIR_H

#include "input.h"

void fuzz_repair(struct fuzz_input *input, struct fuzz_layer *layer);

#endif /* FUZZ_REPAIR_H */
