/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is it, if it is no VHDX? So that the user learns more than "no".
 *
 * foreign.c APIs:
 *   foreign_explain()	say what a file is, and the remedy where there is one
 */
#ifndef FOREIGN_H
#define FOREIGN_H

void foreign_explain(int place, const char *path);

#endif /* FOREIGN_H */
