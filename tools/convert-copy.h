/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copy a disk, or compare two, by several threads.
 *
 * convert-copy.c APIs:
 *   convert_copy()	copy what is not zeros, or what differs
 *   convert_compare()	find a difference
 */
#ifndef CONVERT_COPY_H
#define CONVERT_COPY_H

#include "convert-end.h"

int convert_copy(struct convert_end *source, struct convert_end *dest,
		 bool differences, u64 *copied);
int convert_compare(struct convert_end *source, struct convert_end *dest);

#endif /* CONVERT_COPY_H */
