// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "completion.h"

const struct completion_shell completion_shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
	{ 0 },
};

/* The kinds of the arguments' names in verbs.c. */
static enum completion_kind kind_of(const char *word, size_t length)
{
	static const struct {
		const char *word;
		enum completion_kind kind;
	} words[] = {
		{ "NAME|IMAGE", COMPLETE_DEVICE },
		{ "[NAME|IMAGE]", COMPLETE_DEVICE },
		{ "[NAME]", COMPLETE_NOTHING },
		{ "NAME", COMPLETE_DEVICE },
		{ "SHELL", COMPLETE_WORD },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == length &&
		    !strncmp(words[i].word, word, length))
			return words[i].kind;
	return COMPLETE_FILE;
}

/**
 * completion_arg() - find the kind of an argument of a verb
 * @verb: the verb
 * @n: number of the argument, from 0
 *
 * Names of arguments in the verb's help are separated by blanks. If the verb
 * takes more arguments, the last name applies to them as well.
 *
 * Return: the kind; COMPLETE_NOTHING if the verb takes fewer arguments.
 */
enum completion_kind completion_arg(const struct verb *verb, unsigned int n)
{
	const char *word = verb->args;
	size_t length = strcspn(word, " ");

	if (n >= (unsigned int)verb->most)
		return COMPLETE_NOTHING;
	while (n-- && word[length]) {
		word += length + 1;
		length = strcspn(word, " ");
	}
	return kind_of(word, length);
}

/**
 * completion_option() - find the kind of an option's argument
 * @spec: an option that takes an argument
 *
 * Return: the kind.
 */
enum completion_kind completion_option(const struct option_spec *spec)
{
	static const char *const texts[] = {
		"BYTES", "COLUMNS", "KiB", "SECONDS",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(spec->arg, texts[i]))
			return COMPLETE_NOTHING;
	return COMPLETE_FILE;
}

/**
 * completion_words() - print the words for COMPLETE_WORD
 * @out: the output
 */
void completion_words(FILE *out)
{
	const struct completion_shell *shell;

	for (shell = completion_shells; shell->name; shell++)
		fprintf(out, "%s%s", shell == completion_shells ? "" : " ",
			shell->name);
}

/**
 * completion_quoted() - print a text for use between single quotes
 * @out: the output
 * @text: the text
 * @special: characters that need a backslash there; without the single quote
 *	among them, a single quote is printed as '\''
 */
void completion_quoted(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			fputc('\\', out);
		else if (*text == '\'')
			fputs("'\\'", out);
		fputc(*text, out);
	}
}
