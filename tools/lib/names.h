/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of files, compared as Windows and macOS compare them.
 *
 * names.c APIs:
 *   name_like()	test whether names differ only in case and composition
 */
#ifndef NAMES_H
#define NAMES_H

#include "env.h"

bool name_like(const char *a, const char *b);

#endif /* NAMES_H */
