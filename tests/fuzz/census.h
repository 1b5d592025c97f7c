/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole-image check, held against the reference reader's own count.
 *
 * census.c APIs:
 *   census_check()	run vhdx_check_blocks() and compare
 */
#ifndef FUZZ_CENSUS_H
#define FUZZ_CENSUS_H

#include "check.h"
#include "reference.h"

void census_check(struct vhdx_image *image, const struct reference *ref,
		  u64 log_length, bool stop, struct vhdx_report *report);

#endif /* FUZZ_CENSUS_H */
