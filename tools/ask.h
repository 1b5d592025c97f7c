/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions to the user, before something that cannot be taken back.
 *
 * ask.c APIs:
 *   ask_yes()	ask for a yes
 */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>

int ask_yes(const char *question, bool yes);

#endif /* ASK_H */
