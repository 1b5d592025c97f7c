/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Capabilities of a terminal.
 *
 * terminal.c APIs:
 *   terminal_moves()	test whether output may move the cursor
 *   terminal_colours()	test whether output may have colours
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

bool terminal_moves(int fd);
bool terminal_colours(int fd);

#endif /* TERMINAL_H */
