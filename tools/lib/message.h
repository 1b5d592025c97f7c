/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages, one line each. The code that has one does not know who hears it: a
 * listener of this thread, if there is one, or else the program, see console.h.
 * If there is neither, nobody does: the library prints nothing by itself.
 *
 * message.c APIs:
 *   msg_enter()	have this thread's messages go to a listener
 *   msg_leave()	end that
 *   msg_pause()	have them go to no listener, while a callback runs
 *   msg_resume()	end that
 *   msg_set_program()	set what hears all others
 *   msg_err(), msg_warn(), msg_info(), msg_verbose(), msg_debug()
 *   msg_safe()		print text from an image
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "env.h"

/**
 * enum msg_kind - what a message is
 * @MSG_ERROR: something failed
 * @MSG_WARNING: something that the user should know
 * @MSG_DONE: what was done
 * @MSG_STEP: a step on the way
 * @MSG_DETAIL: what a developer wants to know of it
 */
enum msg_kind {
	MSG_ERROR,
	MSG_WARNING,
	MSG_DONE,
	MSG_STEP,
	MSG_DETAIL,
};

/**
 * struct msg_listener - hears the messages of a thread
 * @hear: receives a message: one line, without an end of line, not escaped
 * @outer: the listener before this one
 */
struct msg_listener {
	void (*hear)(struct msg_listener *listener, enum msg_kind kind,
		     const char *text);
	struct msg_listener *outer;
};

typedef void (*msg_program_t)(enum msg_kind kind, const char *text);

void msg_enter(struct msg_listener *listener);
void msg_leave(struct msg_listener *listener);
struct msg_listener *msg_pause(void);
void msg_resume(struct msg_listener *listener);
void msg_set_program(msg_program_t hear);
__printf(1, 2) void msg_err(const char *fmt, ...);
__printf(1, 2) void msg_warn(const char *fmt, ...);
__printf(1, 2) void msg_info(const char *fmt, ...);
__printf(1, 2) void msg_verbose(const char *fmt, ...);
__printf(1, 2) void msg_debug(const char *fmt, ...);
void msg_safe(FILE *out, const char *text);

#endif /* MESSAGE_H */
