// SPDX-License-Identifier: GPL-2.0-only
#include "console.h"
#include "intl.h"

static enum console_level said = CONSOLE_NORMAL;
static const char *verb;
static console_output_t output;
static void (*listener)(bool is_error, const char *text);

/**
 * console_set_level() - choose which messages are printed from now on
 * @level: the highest level that is printed
 */
void console_set_level(enum console_level level)
{
	said = level;
}

/**
 * console_says() - test whether messages of a level are printed
 * @level: the level
 *
 * Return: true if messages of @level are printed.
 */
bool console_says(enum console_level level)
{
	return level <= said;
}

/**
 * console_set_verb() - set the verb that messages begin with
 * @name: the verb; a constant
 */
void console_set_verb(const char *name)
{
	verb = name;
}

/**
 * console_listen() - set a function that also receives errors and warnings
 * @heard: called at every level, with the text as it is, without the prefix and
 *	not escaped; NULL for none
 */
void console_listen(void (*heard)(bool is_error, const char *text))
{
	listener = heard;
}

static void deliver(enum console_level level, const char *line, size_t size)
{
	if (output)
		output(level, line);
	else
		fwrite(line, 1, size, stderr);
}

/* stderr has no buffer: build the line first, and write it by one call. */
static void print_line(enum console_level level, const char *prefix,
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

static void hear(enum msg_kind kind, const char *text)
{
	static const struct {
		enum console_level level;
		const char *prefix;
	} kinds[] = {
		[MSG_ERROR] = { CONSOLE_QUIET, "" },
		[MSG_WARNING] = { CONSOLE_NORMAL, N_("warning: ") },
		[MSG_DONE] = { CONSOLE_NORMAL, "" },
		[MSG_STEP] = { CONSOLE_VERBOSE, "" },
		[MSG_DETAIL] = { CONSOLE_DEBUG, "debug: " },
	};

	if (listener && kind <= MSG_WARNING)
		listener(kind == MSG_ERROR, text);
	if (console_says(kinds[kind].level))
		print_line(kinds[kind].level,
			   *kinds[kind].prefix ? _(kinds[kind].prefix) : "",
			   text);
}

/**
 * console_begin() - have messages printed from now on
 */
void console_begin(void)
{
	msg_set_program(hear);
}

/**
 * console_set_output() - have messages go to a function from now on
 * @take: called with the level and the escaped text, without an end of line or
 *	the name of the program, by any thread that has a message
 */
void console_set_output(console_output_t take)
{
	output = take;
	console_begin();
}
