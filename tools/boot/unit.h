/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Units of systemd: their names, their text, and the links that have one pull in
 * another. None of the words that are put into them is trusted.
 *
 * unit.c APIs:
 *   unit_name()	escape a word, for the name of a unit
 *   unit_device()	the name of a device's unit
 *   unit_quote()	write a word as systemd.syntax(7) has it
 *   unit_create()	begin a unit, or a piece of one
 *   unit_finish()	end it
 *   unit_link()	have one unit require or want another
 */
#ifndef UNIT_H
#define UNIT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/* Of names and paths, with their NUL, once they are escaped. */
#define UNIT_NAME_SIZE	(4 * PATH_MAX)

void unit_name(const char *word, char name[UNIT_NAME_SIZE]);
void unit_device(const char *path, char name[UNIT_NAME_SIZE]);
void unit_quote(FILE *unit, const char *word, bool command);
FILE *unit_create(const char *dir, const char *piece_of, const char *name);
int unit_finish(FILE *unit, const char *name);
int unit_link(const char *dir, const char *from, const char *how,
	      const char *to);

#endif /* UNIT_H */
