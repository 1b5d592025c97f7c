/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to the user, one line each, on standard error or to a log of the
 * program's own.
 *
 * Paths and names from an image may be hostile, so characters that could
 * control a terminal are escaped.
 *
 * message.c APIs:
 *   msg_set_level()	choose which messages are printed
 *   msg_set_verb()	set the verb that messages begin with
 *   msg_set_output()	set a function that replaces standard error
 *   msg_enabled()	test whether messages of a level are printed
 *   msg_listen()	set a function that also receives errors and warnings
 *   msg_err(), msg_warn(), msg_info(), msg_verbose()
 *   msg_safe()		print text from an image
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "env.h"

enum msg_level {
	MSG_QUIET,	/* errors only */
	MSG_NORMAL,
	MSG_VERBOSE,
};

/* Receives a message: its level, and one line without the end of line. */
typedef void (*msg_output_t)(enum msg_level level, const char *line);

void msg_set_level(enum msg_level level);
void msg_set_verb(const char *verb);
void msg_set_output(msg_output_t take);
bool msg_enabled(enum msg_level level);
void msg_listen(void (*heard)(bool is_error, const char *text));
__printf(1, 2) void msg_err(const char *fmt, ...);
__printf(1, 2) void msg_warn(const char *fmt, ...);
__printf(1, 2) void msg_info(const char *fmt, ...);
__printf(1, 2) void msg_verbose(const char *fmt, ...);
void msg_safe(FILE *out, const char *text);

#endif /* MESSAGE_H */
