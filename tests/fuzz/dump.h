/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes an input's files out as VHDX images, to look at a finding with other
 * tools.
 *
 * dump.c APIs:
 *   dump_files()	write them
 */
#ifndef FUZZ_DUMP_H
#define FUZZ_DUMP_H

#include "input.h"

void dump_files(const struct fuzz_input *input, const char *directory);

#endif /* FUZZ_DUMP_H */
