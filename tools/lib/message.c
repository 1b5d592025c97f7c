// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>

#include "message.h"

#define MSG_MAX	8192

static enum msg_level said = MSG_NORMAL;

/**
 * msg_set_level() - how much to say from now on
 * @level: the highest level that is said
 */
void msg_set_level(enum msg_level level)
{
	said = level;
}

/**
 * msg_enabled() - is a level said?
 * @level: which
 *
 * Return: true if messages of @level are printed.
 */
bool msg_enabled(enum msg_level level)
{
	return level <= said;
}

/* A control character of ASCII, or the first byte of one of U+0080 to 9F? */
static bool is_control(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return true;
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
}

/**
 * msg_safe() - print text that came from an image or a path
 * @out: where
 * @text: what; control characters come out as \xNN
 */
void msg_safe(FILE *out, const char *text)
{
	const unsigned char *p;

	for (p = (const unsigned char *)text; *p; p++) {
		if (!is_control(p)) {
			fputc(*p, out);
			continue;
		}
		fprintf(out, "\\x%02x", *p);
		if (*p == 0xc2)
			fprintf(out, "\\x%02x", *++p);
	}
}

static void say(const char *prefix, const char *fmt, va_list args)
{
	char text[MSG_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	fflush(stdout);
	fputs(prefix, stderr);
	msg_safe(stderr, text);
	fputc('\n', stderr);
}

/**
 * msg_err() - say why something failed; said at every level
 * @fmt: as for printf
 */
void msg_err(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("vhdxsetup: ", fmt, args);
	va_end(args);
}

/**
 * msg_warn() - say what the user should know but did not ask
 * @fmt: as for printf
 */
void msg_warn(const char *fmt, ...)
{
	va_list args;

	if (!msg_enabled(MSG_NORMAL))
		return;
	va_start(args, fmt);
	say("vhdxsetup: warning: ", fmt, args);
	va_end(args);
}

/**
 * msg_info() - say what was done
 * @fmt: as for printf
 */
void msg_info(const char *fmt, ...)
{
	va_list args;

	if (!msg_enabled(MSG_NORMAL))
		return;
	va_start(args, fmt);
	say("vhdxsetup: ", fmt, args);
	va_end(args);
}

/**
 * msg_verbose() - say what happens inside, if -v asked for it
 * @fmt: as for printf
 */
void msg_verbose(const char *fmt, ...)
{
	va_list args;

	if (!msg_enabled(MSG_VERBOSE))
		return;
	va_start(args, fmt);
	say("vhdxsetup: ", fmt, args);
	va_end(args);
}
