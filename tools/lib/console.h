/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of a program: printed on standard error, or taken to a log of the
 * program's own.
 *
 * Paths and names from an image may be hostile, so characters that could
 * control a terminal are escaped. libvhdx.so has none of this.
 *
 * console.c APIs:
 *   console_begin()	have messages printed
 *   console_set_level()	choose which messages are printed
 *   console_set_verb()	set the verb that messages begin with
 *   console_set_output()	set a function that replaces standard error
 *   console_says()	test whether messages of a level are printed
 *   console_listen()	set a function that also receives errors and warnings
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "message.h"

enum console_level {
	CONSOLE_QUIET,	/* errors only */
	CONSOLE_NORMAL,
	CONSOLE_VERBOSE,
	CONSOLE_DEBUG,
};

/* Receives a message: its level, and one line without the end of line. */
typedef void (*console_output_t)(enum console_level level, const char *line);

void console_begin(void);
void console_set_level(enum console_level level);
void console_set_verb(const char *verb);
void console_set_output(console_output_t take);
bool console_says(enum console_level level);
void console_listen(void (*heard)(bool is_error, const char *text));

#endif /* CONSOLE_H */
