/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to the user, on standard error, one line each; or to who serves an
 * image and has a log of its own.
 *
 * What an image says (paths, names) may be hostile, so whatever could steer a
 * terminal is printed escaped.
 *
 * message.c APIs:
 *   msg_set_level()	how much to say
 *   msg_set_verb()	who says it
 *   msg_set_output()	who takes it in place of standard error
 *   msg_enabled()	is this level said?
 *   msg_listen()	have errors and warnings heard as well
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

/* Takes a message: its level, and one line without the end of line. */
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
