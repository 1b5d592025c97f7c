// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>

#include "intl.h"
#include "message.h"
#include "report.h"

#define MSG_MAX	8192

/* Each thread has its own, so that two of them may use the library at once. */
static __thread struct msg_listener *innermost;

/* A program sets this before it has threads; the library never does. */
static msg_program_t program;

/**
 * msg_enter() - have this thread's messages go to a listener
 * @listener: the listener; msg_leave() must follow in this thread
 */
void msg_enter(struct msg_listener *listener)
{
	listener->outer = innermost;
	innermost = listener;
}

/**
 * msg_leave() - go back to the listener before
 * @listener: the latest of msg_enter()
 */
void msg_leave(struct msg_listener *listener)
{
	innermost = listener->outer;
}

/**
 * msg_pause() - have this thread's messages go to no listener
 *
 * What a callback does is not the listener's.
 *
 * Return: the listener, for msg_resume().
 */
struct msg_listener *msg_pause(void)
{
	struct msg_listener *listener = innermost;

	innermost = NULL;
	return listener;
}

/**
 * msg_resume() - go back to the listener before msg_pause()
 * @listener: from msg_pause()
 */
void msg_resume(struct msg_listener *listener)
{
	innermost = listener;
}

/**
 * msg_set_program() - set what hears the messages that no listener takes
 * @hear: called by any thread that has a message; NULL for nobody
 */
void msg_set_program(msg_program_t hear)
{
	program = hear;
}

/**
 * msg_safe() - print text that came from an image or a path
 * @out: the output
 * @text: the text; bytes that are not UTF-8, control characters and characters
 *	that change the direction of text are printed as \xNN
 */
void msg_safe(FILE *out, const char *text)
{
	const u8 *p = (const u8 *)text;

	while (*p) {
		size_t length = vhdx_character(p);

		if (length && !vhdx_turns_text(p))
			fwrite(p, length, 1, out);
		else
			fprintf(out, "\\x%02x", *p);
		p += length && !vhdx_turns_text(p) ? length : 1;
	}
}

__printf(2, 0)
static void say(enum msg_kind kind, const char *fmt, va_list args)
{
	struct msg_listener *listener = innermost;
	char text[MSG_MAX];

	if (!listener && !program)
		return;
	vsnprintf(text, sizeof(text), kind == MSG_DETAIL ? fmt : _(fmt), args);
	if (listener)
		listener->hear(listener, kind, text);
	else
		program(kind, text);
}

/**
 * msg_err() - report an error
 * @fmt: as for printf
 */
void msg_err(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_ERROR, fmt, args);
	va_end(args);
}

/**
 * msg_warn() - report something that the user should know
 * @fmt: as for printf
 */
void msg_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_WARNING, fmt, args);
	va_end(args);
}

/**
 * msg_info() - report what was done
 * @fmt: as for printf
 */
void msg_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_DONE, fmt, args);
	va_end(args);
}

/**
 * msg_verbose() - report a step, which users see with -v
 * @fmt: as for printf
 */
void msg_verbose(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_STEP, fmt, args);
	va_end(args);
}

/**
 * msg_debug() - report a detail, which users see with --debug
 * @fmt: as for printf; no translator sees it
 */
void msg_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_DETAIL, fmt, args);
	va_end(args);
}
