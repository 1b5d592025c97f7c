// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>

#include "message.h"
#include "report.h"

#define MSG_MAX	8192

static enum msg_level said = MSG_NORMAL;
static const char *verb;
static msg_output_t output;
static void (*listener)(bool is_error, const char *text);

/**
 * msg_set_level() - choose which messages are printed from now on
 * @level: the highest level that is printed
 */
void msg_set_level(enum msg_level level)
{
	said = level;
}

/**
 * msg_enabled() - test whether messages of a level are printed
 * @level: the level
 *
 * Return: true if messages of @level are printed.
 */
bool msg_enabled(enum msg_level level)
{
	return level <= said;
}

/**
 * msg_set_verb() - set the verb that messages begin with
 * @name: the verb; a constant
 */
void msg_set_verb(const char *name)
{
	verb = name;
}

/**
 * msg_listen() - set a function that also receives errors and warnings
 * @heard: called at every level, with the text as it is, without the prefix and
 *	not escaped; NULL for none
 */
void msg_listen(void (*heard)(bool is_error, const char *text))
{
	listener = heard;
}

/**
 * msg_set_output() - set a function that replaces standard error
 * @take: called with the level and the escaped text, without an end of line or
 *	the name of the program, by any thread that has a message
 */
void msg_set_output(msg_output_t take)
{
	output = take;
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

static void deliver(enum msg_level level, const char *line, size_t size)
{
	if (output)
		output(level, line);
	else
		fwrite(line, 1, size, stderr);
}

/* stderr has no buffer: build the line first, and write it by one call. */
static void print_line(enum msg_level level, const char *prefix,
		       const char *text)
{
	char *line = NULL;
	size_t size;
	FILE *out;

	fflush(stdout);
	out = open_memstream(&line, &size);
	if (!out)
		return;
	if (!output)
		fprintf(out, "vhdxsetup%s%s: ", verb ? " " : "",
			verb ? verb : "");
	fputs(prefix, out);
	msg_safe(out, text);
	if (!output)
		fputc('\n', out);
	if (!fclose(out))
		deliver(level, line, size);
	free(line);
}

static void say(enum msg_level level, const char *fmt, va_list args)
{
	char text[MSG_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	print_line(level, "", text);
}

/**
 * msg_err() - report an error, at every level
 * @fmt: as for printf
 */
void msg_err(const char *fmt, ...)
{
	char text[MSG_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (listener)
		listener(true, text);
	print_line(MSG_QUIET, "", text);
}

/**
 * msg_warn() - report something that the user should know
 * @fmt: as for printf
 */
void msg_warn(const char *fmt, ...)
{
	char text[MSG_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (listener)
		listener(false, text);
	if (msg_enabled(MSG_NORMAL))
		print_line(MSG_NORMAL, "warning: ", text);
}

/**
 * msg_info() - report what was done
 * @fmt: as for printf
 */
void msg_info(const char *fmt, ...)
{
	va_list args;

	if (!msg_enabled(MSG_NORMAL))
		return;
	va_start(args, fmt);
	say(MSG_NORMAL, fmt, args);
	va_end(args);
}

/**
 * msg_verbose() - report an internal step, with -v
 * @fmt: as for printf
 */
void msg_verbose(const char *fmt, ...)
{
	va_list args;

	if (!msg_enabled(MSG_VERBOSE))
		return;
	va_start(args, fmt);
	say(MSG_VERBOSE, fmt, args);
	va_end(args);
}
